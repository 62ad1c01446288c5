package remote

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// supervise runs ssh and ends it when its own input ends: so no master
// outlives us, however we die. Its arguments are the socket and the command.
// What it starts is in a session of its own, away from the Ctrl-C of our
// terminal.
const supervise = `s=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
p=$!
{ read -r _ <&3; kill "$p"; } </dev/null >/dev/null 2>&1 &
r=$!
exec 3<&-
wait "$p"; e=$?
kill "$r" 2>/dev/null
rm -f -- "$s"; rmdir -- "${s%/*}" 2>/dev/null
exit "$e"`

// Bounds of a master's life.
const (
	masterGrace = 2 * time.Second // to end by itself
	maxSocket   = 104             // bytes of a socket's path where they are fewest
	ownSuffix   = 17              // that ssh adds to it while it makes the socket
)

// A master is an OpenSSH control master that we started: the program ssh with
// one connection to one host.
type master struct {
	socket string
	cmd    *osexec.Cmd
	alive  io.Closer     // its input; the end of it ends the master
	ended  chan struct{} // closed when it is gone and all that it said is read
}

// startMaster starts program. Its log is apart from what it passes on of
// others, a host's banner above all: each line of the former goes to logged,
// of the latter to passed.
func startMaster(program string, args, env []string, logged, passed func(string)) (*master, error) {
	dir, err := socketDir()
	if err != nil {
		return nil, err
	}
	m := &master{socket: filepath.Join(dir, "s"), ended: make(chan struct{})}
	m.cmd = osexec.Command("/bin/sh", append([]string{"-c", supervise, "shipit", m.socket, program, "-E", "/dev/stdout", "-S", percent(m.socket)}, args...)...)
	m.cmd.Env = env
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var files []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(files)
			return nil, errors.Join(err, os.Remove(dir))
		}
		files = append(files, r, w)
	}
	m.cmd.Stdin, m.alive = files[0], files[1]
	m.cmd.Stdout, m.cmd.Stderr = files[3], files[5]
	if err := m.cmd.Start(); err != nil {
		closeAll(files)
		return nil, errors.Join(err, os.Remove(dir))
	}
	closeAll([]*os.File{files[0], files[3], files[5]})
	var readers sync.WaitGroup
	readers.Go(func() { eachLine(files[2], logged) })
	readers.Go(func() { eachLine(files[4], passed) })
	read := make(chan struct{})
	go func() { readers.Wait(); close(read) }()
	go func() {
		_ = m.cmd.Wait() // what ssh said tells more than its status
		select {
		case <-read:
		case <-time.After(drainTime): // somebody else holds its output
		}
		closeAll([]*os.File{files[2], files[4]})
		<-read
		close(m.ended)
	}()
	return m, nil
}

// eachLine hands on the lines of r to its end; of one that is very long the
// beginning will do.
func eachLine(r io.Reader, to func(string)) {
	lines := bufio.NewReaderSize(r, 4<<10)
	for whole := true; ; {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		if whole {
			to(string(line))
		}
		whole = !more
	}
}

// stop ends the master, and what it started with it if need be.
func (m *master) stop() {
	m.alive.Close()
	select {
	case <-m.ended:
	case <-time.After(masterGrace):
		_ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL) // its session's first process group
		<-m.ended
	}
	_ = os.RemoveAll(filepath.Dir(m.socket)) // where not even its shell could
}

// socketDir makes a directory for a socket that nobody else can enter.
func socketDir() (string, error) {
	for _, place := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(place, "shipit-ssh-") // mode 0700
		if err != nil {
			return "", fmt.Errorf("cannot make a directory for the socket of ssh: %w", err)
		}
		if len(dir)+len("/s")+ownSuffix < maxSocket {
			return dir, nil
		}
		_ = os.Remove(dir)
	}
	return "", errors.New("there is no directory with a path short enough for the socket of ssh")
}
