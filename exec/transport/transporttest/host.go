package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/transport"
)

// app is where the service of a test lies, below the login's home.
const app = "my app"

// A Host is this machine with a home directory of its own.
type Host struct {
	Home string

	tb   testing.TB
	sh   string
	conn remote.Conn
}

// NewHost makes a host whose login is ours.
func NewHost(tb testing.TB) *Host { return newHost(tb, "/bin/sh") }

func newHost(tb testing.TB, sh string) *Host {
	tb.Helper()
	h := &Host{Home: tb.TempDir(), tb: tb, sh: sh}
	h.dial()
	tb.Cleanup(func() { h.conn.Close() })
	return h
}

func (h *Host) dial() {
	h.tb.Helper()
	conn, err := remote.NewLocalShell(h.Home, h.sh).Dial(context.Background(), remote.Target{Name: "local"})
	if err != nil {
		h.tb.Fatal(err)
	}
	h.conn = conn
}

// Path is a place below the service's directory.
func (h *Host) Path(elem ...string) string {
	return filepath.Join(append([]string{h.Home, app}, elem...)...)
}

// Stage delivers what d says, by tr; its run and path are filled in.
func (h *Host) Stage(tr transport.Transport, d transport.Delivery) error {
	h.tb.Helper()
	d.Path = app
	if d.Run == "" {
		d.Run = "run-1"
	}
	s, data, size, err := tr.Step(context.Background(), d)
	if err != nil {
		h.tb.Fatal(err)
	}
	return h.Run(s, data, size)
}

// Run runs a step under a fence, as a run does: nobody else is at work then.
func (h *Host) Run(s remote.Step, data io.Reader, size int64) error {
	h.tb.Helper()
	lock := filepath.Join(h.Home, "lock")
	err := errors.Join(os.MkdirAll(lock, 0o755), os.WriteFile(filepath.Join(lock, "run"), []byte("run-1\n"), 0o644),
		os.WriteFile(filepath.Join(lock, "generation"), []byte("1\n"), 0o644))
	if err == nil && h.sh != "/bin/sh" && os.Getuid() == 0 {
		err = os.Chown(lock, nobody, nobody)
	}
	if err != nil {
		h.tb.Fatal(err)
	}
	return h.conn.Run(context.Background(), remote.Command{
		Steps: []remote.Step{s}, Data: data, DataSize: size,
		Fence: &remote.Fence{Dir: lock, Run: "run-1", Generation: 1},
	})
}

// Live makes a release live, as a switch does, with a history that says so.
func (h *Host) Live(id string) {
	h.tb.Helper()
	err := errors.Join(os.RemoveAll(h.Path("current")), os.Symlink("releases/"+id, h.Path("current")))
	if err != nil {
		h.tb.Fatal(err)
	}
}

// forget takes a release from the host, and what is kept beside.
func (h *Host) forget(id string) {
	h.tb.Helper()
	err := errors.Join(os.RemoveAll(h.Path("releases", id)), os.RemoveAll(h.Path(".shipit/manifest", id)), os.RemoveAll(h.Path(".shipit/cache.git")))
	if err != nil {
		h.tb.Fatal(err)
	}
}

// NothingLeft sees that no half release lies about.
func (h *Host) NothingLeft() {
	h.tb.Helper()
	left, err := filepath.Glob(h.Path(".shipit", "incoming-*"))
	if err != nil || len(left) > 0 {
		h.tb.Errorf("left behind: %v %v", left, err)
	}
}

// Told is what a user is told of an error: it, and what the host said.
func Told(err error) string {
	var s *remote.StepError
	if errors.As(err, &s) {
		return fmt.Sprintf("%v: %s", err, strings.Join(s.Output, "\n"))
	}
	return fmt.Sprint(err)
}
