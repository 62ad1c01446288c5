//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childrenCPU is the CPU time of children that ended and were waited for,
// with their own, in seconds.
func childrenCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		panic("internal error: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// others are the processes of our process namespace but us.
func others() []string {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	self := "/proc/" + strconv.Itoa(os.Getpid())
	var out []string
	for _, d := range dirs {
		if d != self {
			out = append(out, d)
		}
	}
	return out
}

// livingCPU is what living processes used so far, in seconds.
func livingCPU() float64 {
	var sum int64
	for _, d := range others() {
		tasks, _ := filepath.Glob(d + "/task/*/schedstat")
		for _, t := range tasks {
			text, _ := os.ReadFile(t) // it may have ended meanwhile
			ran, _, _ := strings.Cut(string(text), " ")
			sum += number(ran)
		}
	}
	return time.Duration(sum).Seconds()
}

// watchMemory looks now and then at how much memory all processes together
// hold. The function that it returns ends that and gives the most.
func watchMemory(every time.Duration) func() int64 {
	stop := make(chan struct{})
	var most int64
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			most = max(most, residentSum())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	return func() int64 {
		close(stop)
		wg.Wait()
		return most
	}
}

func residentSum() int64 {
	var pages int64
	for _, d := range others() {
		text, _ := os.ReadFile(d + "/statm")
		if f := strings.Fields(string(text)); len(f) > 1 && !borrows(d) {
			pages += number(f[1])
		}
	}
	return pages * int64(os.Getpagesize())
}

// borrows tells whether a process has its parent's memory, not its own: a
// child of Go between its birth and the program that it becomes, which counted
// as much as its parent once more. Where the kernel does not say it, nobody does.
func borrows(dir string) bool {
	text, _ := os.ReadFile(dir + "/stat")
	_, fields, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(fields)
	pid, err := strconv.Atoi(filepath.Base(dir))
	if err != nil || len(f) < 2 {
		return false
	}
	const memory = 1 // KCMP_VM
	order, _, no := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(number(f[1])), memory, 0, 0, 0)
	return no == 0 && order == 0
}

// A machine is how much CPU time was used: by all, by the bench and its
// fleet, and by the hosts alone; in seconds.
type machine struct{ busy, ours, hosts float64 }

// used reads the clocks of the machine. A process that ended is in the sum
// of the one that waited for it.
func used() machine {
	const tick = 100 // USER_HZ, the same on all of Linux
	var m machine
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		line, _, _ := strings.Cut(string(text), "\n")
		for i, f := range strings.Fields(line) {
			if i >= 1 && i <= 8 && i != 4 && i != 5 { // neither idle nor waiting for a disk
				m.busy += float64(number(f)) / tick
			}
		}
	}
	self := statCPU("/proc/self") / tick
	for _, d := range others() {
		m.hosts += statCPU(d) / tick
	}
	m.ours = self + m.hosts
	return m
}

// settled waits until no more processes are left than there were: what a
// host used for a login is known to the hundredth of a second only once sshd
// has waited for its children. Until then each of them is rounded down.
func settled(there int, within time.Duration) {
	for end := time.Now().Add(within); len(others()) > there && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// statCPU is what a process and its waited-for children used, in ticks.
func statCPU(dir string) float64 {
	text, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0 // it has ended
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 15 {
		return 0
	}
	return float64(number(f[11]) + number(f[12]) + number(f[13]) + number(f[14]))
}

func (m machine) since(before machine) machine {
	return machine{m.busy - before.busy, m.ours - before.ours, m.hosts - before.hosts}
}
