package lab

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// lifetime is when a forgotten lab goes to sleep. Up wakes it.
const lifetime = 12 * time.Hour

// errDown is why Serve ends when somebody asked for it.
var errDown = errors.New("the lab was asked to end")

// Serve runs the hosts of the lab in dir: their SSH servers and their
// services. It returns nil when Down asks for it, when the directory
// vanishes and 12 hours after it began.
func Serve(ctx context.Context, dir string) error {
	l, err := Open(dir)
	if err != nil {
		return err
	}
	lock, err := l.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := self().record(l.run("serve.pid")); err != nil {
		return err
	}
	control, err := openControl(l.run("control"))
	if err != nil {
		return err
	}

	ctx, cancel := context.WithTimeoutCause(ctx, lifetime, errDown)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.awaitDown(ctx, control) })
	g.Go(func() error { return l.awaitVanishing(ctx, lock) })
	for _, h := range l.Hosts {
		s, err := newService(h)
		if err != nil {
			cancel()
			_ = g.Wait()
			return err
		}
		g.Go(func() error { return s.serve(ctx) })
		if l.SSHD {
			g.Go(func() error { return l.superviseSSHD(ctx, h) })
		} else {
			g.Go(func() error { return l.serveSSH(ctx, h) })
		}
	}
	err = g.Wait()
	if errors.Is(err, errDown) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// lock makes this the only process that serves the lab. Somebody who only
// asks whether it is served holds the lock for an instant.
func (l *Lab) lock() (*os.File, error) {
	f, err := os.OpenFile(l.run("lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot serve the lab: %w", err)
	}
	if !wait(time.Second, func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }) {
		f.Close()
		return nil, fmt.Errorf("the lab in %s is running already", l.Dir)
	}
	return f, nil
}

// openControl opens a named pipe for requests. It is open for writing too,
// so that a writer that leaves does not end the reading.
func openControl(path string) (*os.File, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil && !errors.Is(err, syscall.EEXIST) {
		return nil, fmt.Errorf("cannot make %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	return f, nil
}

// lines calls do for each line of the pipe until ctx ends.
func lines(ctx context.Context, f *os.File, do func(line string) error) error {
	defer context.AfterFunc(ctx, func() { f.Close() })()
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if err := do(s.Text()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("cannot read %s: %w", f.Name(), cmp.Or(s.Err(), io.EOF))
}

// awaitDown returns errDown when Down asks for it.
func (l *Lab) awaitDown(ctx context.Context, control *os.File) error {
	return lines(ctx, control, func(line string) error {
		if line == "down" {
			return errDown
		}
		return nil
	})
}

// awaitVanishing returns errDown when the lab's directory is gone: a lab
// that was removed by hand must not live on.
func (l *Lab) awaitVanishing(ctx context.Context, lock *os.File) error {
	ours, err := lock.Stat()
	if err != nil {
		return fmt.Errorf("cannot watch the lab's directory: %w", err)
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		if there, err := os.Stat(lock.Name()); errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(ours, there) {
			return errDown
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-every.C:
		}
	}
}
