package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options say what lab to bring up.
type Options struct {
	Dir   string // "" is ./lab
	Hosts int    // 0: as many as the lab has, 4 for a new one
	SSHD  bool   // run the machine's OpenSSH server instead of the built-in one
	// Executable is this program, which is started as `EXE lab serve DIR` in
	// the background. Where it is "", Serve runs in this process until the
	// context of Up ends.
	Executable string
	Log        func(format string, args ...any) // what Up does, a line each; may be nil
}

// startTimeout bounds the wait for the hosts to answer.
const startTimeout = 20 * time.Second

// Up makes a lab or brings an existing one up again: it writes what is
// missing, keeps everything that is there, starts what does not run and
// returns when every host answers.
func Up(ctx context.Context, o Options) (*Lab, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Dir == "" {
		o.Dir = "lab"
	}
	l, err := openOrCreate(o)
	if err != nil {
		return nil, err
	}
	if err := l.fill(ctx, o.Log); err != nil {
		return nil, err
	}
	if l.runs() {
		o.Log("the hosts are running already")
		if err := l.await(ctx, nil); err != nil {
			return nil, err
		}
		return l, nil
	}
	o.Log("starting %d hosts", len(l.Hosts))
	var ended <-chan error
	if o.Executable == "" {
		ended = l.serveHere(ctx)
	} else if ended, err = l.serveBehind(o.Executable); err != nil {
		return nil, err
	}
	if err := l.await(ctx, ended); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	o.Log("every host answers")
	return l, nil
}

// openOrCreate is the lab that o means.
func openOrCreate(o Options) (*Lab, error) {
	l, err := Open(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return create(o)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.Hosts != 0 && o.Hosts != len(l.Hosts):
		return nil, fmt.Errorf("the lab in %s has %d hosts, not %d; to make another, type: shipit lab down --dir %s", l.Dir, len(l.Hosts), o.Hosts, o.Dir)
	case o.SSHD && !l.SSHD:
		return nil, fmt.Errorf("the lab in %s runs the built-in SSH server, not sshd; to make another, type: shipit lab down --dir %s", l.Dir, o.Dir)
	}
	return l, nil
}

// create makes the directory of a new lab and marks it, so that Down can
// remove it whatever happens next.
func create(o Options) (*Lab, error) {
	if o.Hosts == 0 {
		o.Hosts = 4
	}
	if o.Hosts < 1 || o.Hosts > maxHosts {
		return nil, fmt.Errorf("a lab has 1 to %d hosts, not %d", maxHosts, o.Hosts)
	}
	if o.SSHD {
		if _, err := findSSHD(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", o.Dir, err)
	}
	if strings.ContainsAny(dir, "\n\r\":") {
		return nil, fmt.Errorf("cannot make a lab in %q: PATH and the files of SSH cannot hold this name; choose another with --dir", dir)
	}
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return nil, fmt.Errorf("%s is not empty and is no lab; choose another with --dir", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the lab: %w", err)
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("cannot tell who you are: %w", err)
	}
	ports, err := freePorts(2 * o.Hosts)
	if err != nil {
		return nil, err
	}
	l := &Lab{Version: version, User: me.Username, SSHD: o.SSHD}
	for i := range o.Hosts {
		l.Hosts = append(l.Hosts, Host{
			Name: fmt.Sprintf("lab%d", i+1), Address: "127.0.0.1",
			Port: ports[i], HTTP: ports[o.Hosts+i],
		})
	}
	l.locate(dir)
	o.Log("making a lab of %d hosts in %s", o.Hosts, dir)
	return l, l.save()
}

// serveHere runs Serve in this process.
func (l *Lab) serveHere(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l.Dir) }()
	return ended
}

// serveBehind runs Serve in a process of its own, which outlives this one and
// its terminal.
func (l *Lab) serveBehind(exe string) (<-chan error, error) {
	log, err := os.Create(l.run("serve.log"))
	if err != nil {
		return nil, fmt.Errorf("cannot start the hosts: %w", err)
	}
	defer log.Close()
	cmd := osexec.Command(exe, "lab", "serve", l.Dir)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the hosts: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		text, _ := os.ReadFile(log.Name())
		if said := strings.TrimSpace(string(text)); said != "" {
			err = errors.New(said)
		}
		ended <- err
	}()
	return ended, nil
}
