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
	dir, err := placeFor(o)
	if err != nil {
		return nil, err
	}
	mine, err := claim(dir)
	if err != nil {
		return nil, err
	}
	defer mine.Close()
	l, err := openOrCreate(o, dir)
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

// placeFor is the directory of the lab that o means, which exists
// afterwards, and in which a lab can be.
func placeFor(o Options) (string, error) {
	if o.Hosts < 0 || o.Hosts > maxHosts {
		return "", fmt.Errorf("a lab has 1 to %d hosts, not %d", maxHosts, o.Hosts)
	}
	if o.SSHD {
		if _, err := findSSHD(); err != nil {
			return "", err
		}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", fmt.Errorf("cannot find %s: %w", o.Dir, err)
	}
	if strings.ContainsAny(dir, "\n\r\":") {
		return "", fmt.Errorf("cannot make a lab in %q: PATH and the files of SSH cannot hold this name; choose another with --dir", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot make the lab: %w", err)
	}
	return dir, nil
}

// claim keeps everybody else from bringing the lab up or down until the file
// is closed.
func claim(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lab: %w", err)
	}
	if !wait(2*startTimeout, func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }) {
		f.Close()
		return nil, fmt.Errorf("another shipit is bringing the lab in %s up or down; try again when it is done", dir)
	}
	return f, nil
}

// openOrCreate is the lab that o means.
func openOrCreate(o Options, dir string) (*Lab, error) {
	l, err := Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return create(o, dir)
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

// create marks the directory of a new lab, so that Down can remove it
// whatever happens next.
func create(o Options, dir string) (*Lab, error) {
	if o.Hosts == 0 {
		o.Hosts = 4
	}
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return nil, fmt.Errorf("%s is not empty and is no lab; choose another with --dir", dir)
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
