package journal

import "golang.org/x/sys/unix"

// How much a journal may hold before nothing more is taken of what commands
// print, and what must be left on its disk for that: the words that decide a
// run need a place.
const (
	mostPrinted = 128 << 20
	leastFree   = 256 << 20
)

// Spare tells whether there is room for what is only good to have. Other
// events are taken in any case.
func (j *Journal) Spare() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil || j.err != nil || j.size > mostPrinted {
		return false
	}
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(j.file.Fd()), &disk); err != nil {
		return true // nobody knows
	}
	return disk.Bavail*uint64(disk.Bsize) > leastFree
}
