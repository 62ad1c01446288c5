package view

// Kept is the lines that something printed, as far as there is room: the
// first ones, the last ones, and how many were cut in between. The zero value
// keeps none; make one with NewKept.
type Kept struct {
	Head, Tail []string
	Cut        int // lines between Head and Tail that are not kept
	CutBytes   int64

	room       int // for each of both
	head, tail int
	full       bool // Head is
}

// perLine is what a line costs besides its bytes.
const perLine = 32

// NewKept keeps about so many bytes.
func NewKept(bytes int) *Kept { return &Kept{room: bytes / 2} }

// Add takes the next line.
func (k *Kept) Add(line string) {
	size := len(line) + perLine
	if !k.full && k.head+size <= k.room {
		k.Head = append(k.Head, line)
		k.head += size
		return
	}
	k.full = true
	k.Tail = append(k.Tail, line)
	k.tail += size
	for k.tail > k.room && len(k.Tail) > 0 {
		k.tail -= len(k.Tail[0]) + perLine
		k.Cut++
		k.CutBytes += int64(len(k.Tail[0]) + 1)
		k.Tail[0] = "" // append may keep the array for long
		k.Tail = k.Tail[1:]
	}
}
