package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// sshConfig answers what ssh's configuration says about a host.
//
// Files that hold nothing but what we understand exactly are read by us,
// which costs nothing. For anything more ("Match", tokens, directives that we
// do not know) the ssh program is asked (ssh -G), whose answer is exact by
// definition and costs a process a host. Without the program the rest is
// ignored, and said so.
type sshConfig struct {
	home, localUser string
	file            string // replaces the user's and the system's, as ssh -F does
	system          string // /etc/ssh/ssh_config
	program         string // ssh, or "" not to run any
	foreign         bool   // home is not where ssh itself would look
	warn            func(string)

	load  sync.Once
	rules []rule
	odd   []string // what we do not understand, with where it stands
	err   error

	mu    sync.Mutex
	known map[string]*answer
}

type answer struct {
	once sync.Once
	s    settings
	err  error
}

// askTime bounds ssh -G, which may run commands of a "Match exec".
const askTime = 10 * time.Second

// lookup says what the configuration says about a host called name.
func (c *sshConfig) lookup(ctx context.Context, name string) (settings, error) {
	if !safeHost.MatchString(name) {
		return settings{}, fmt.Errorf("%q cannot be the name of a host", name)
	}
	c.load.Do(c.read)
	if c.err != nil {
		return settings{}, c.err
	}
	c.mu.Lock()
	a := c.known[name]
	if a == nil {
		a = &answer{}
		c.known[name] = a
	}
	c.mu.Unlock()
	a.once.Do(func() {
		if len(c.odd) > 0 && c.program != "" {
			// Of the process, not of the host that happened to ask first.
			a.s, a.err = c.ask(context.WithoutCancel(ctx), name)
		} else {
			a.s, a.err = apply(c.rules, name)
		}
		if a.err == nil {
			a.s.resolve(name, c.home, c.localUser)
		}
	})
	return a.s, a.err
}

// ask runs ssh -G.
func (c *sshConfig) ask(ctx context.Context, name string) (settings, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	cmd := osexec.CommandContext(ctx, c.program, append(append([]string{"-G"}, c.args()...), "--", name)...)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v", askTime)
		} else if line, _, _ := strings.Cut(stderr.String(), "\n"); line != "" {
			err = errors.New(strings.TrimSpace(line))
		}
		return settings{}, fmt.Errorf("cannot read ssh's configuration (ssh -G %s): %w", name, err)
	}
	var s settings
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		args := []string{value}
		if key == "userknownhostsfile" || key == "globalknownhostsfile" || key == "revokedhostkeys" {
			args = strings.Fields(value)
		}
		if value != "" {
			s.set(key, args)
		}
	}
	return s, nil
}

// read reads the configuration files once.
func (c *sshConfig) read() {
	files := []string{filepath.Join(c.home, ".ssh/config"), c.system}
	if c.file != "" {
		files = []string{c.file}
	}
	for _, f := range files {
		dir := filepath.Join(c.home, ".ssh")
		if f == c.system {
			dir = filepath.Dir(c.system)
		}
		p := parser{dir: dir, home: c.home}
		if err := p.file(f, nil, c.file != ""); err != nil {
			c.err = fmt.Errorf("cannot read ssh's configuration: %w", err)
			return
		}
		c.rules = append(c.rules, p.rules...)
		c.odd = append(c.odd, p.odd...)
	}
	if len(c.odd) > 0 && c.program == "" {
		c.warn("without the program ssh, these lines of its configuration are ignored: " + strings.Join(c.odd, ", "))
	}
}
