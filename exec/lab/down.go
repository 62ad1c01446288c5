package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Down ends every process that the lab in dir started and removes the
// directory. It refuses a directory that is no lab.
func Down(dir string) error {
	l, err := Open(dir)
	if err != nil {
		return err
	}
	mine, err := claim(l.Dir)
	if err != nil {
		return err
	}
	defer mine.Close()
	if err := l.stop(); err != nil {
		return err
	}
	return removeAll(l.Dir)
}

// stop ends the lab's processes.
func (l *Lab) stop() error {
	if l.runs() {
		l.askToEnd()
		serve := recorded(l.run("serve.pid"))
		switch {
		case wait(10*time.Second, func() bool { return !l.runs() }):
			// Its last act was to let go of the lock; let it leave too.
			if serve.pid != os.Getpid() {
				wait(2*time.Second, func() bool { return !serve.alive() })
			}
		case serve.pid == os.Getpid():
			return errors.New("cannot stop the lab: its hosts do not end")
		default:
			if err := serve.end(5 * time.Second); err != nil {
				return err
			}
		}
	}
	// What a killed background process may have left behind.
	var problems []error
	for _, h := range l.Hosts {
		problems = append(problems, endSSHD(recorded(l.run(h.Name+".pid"))))
	}
	return errors.Join(problems...)
}

// askToEnd tells Serve to return, wherever it runs.
func (l *Lab) askToEnd() {
	f, err := os.OpenFile(l.run("control"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return // it is on its way up or down; stop waits and then insists
	}
	defer f.Close()
	_, _ = f.WriteString("down\n")
}

// runs tells whether some process serves the lab: the one that holds its
// lock.
func (l *Lab) runs() bool {
	f, err := os.Open(l.run("lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// removeAll removes dir, also where somebody made directories read-only or
// still writes.
func removeAll(dir string) error {
	var err error
	for range 5 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("cannot remove the lab: %w", err)
}
