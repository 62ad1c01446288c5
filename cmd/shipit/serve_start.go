package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"shipit/exec/release"
	"shipit/exec/web"
	"shipit/lang/diag"
)

// starts is what can be started from the page: plans and applies of the
// definitions below a directory, each by a process of this program.
type starts struct {
	w       *world
	program string
	url     string // of a repository, with ref; "" where root is all there is
	ref     string
	base    string // where work trees of it are kept

	mu     sync.Mutex
	root   string
	commit string    // of the repository, that root is
	read   time.Time // when root was made
}

// freshFor is how long a work tree is not asked to be newer.
const freshFor = time.Minute

// newStarts finds the definitions once, so that what is wrong is said at once.
func newStarts(ctx context.Context, w *world, from string) (*starts, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot start anything: %w", err)
	}
	s := &starts{w: w, program: exe}
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		if s.root, err = filepath.Abs(from); err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", from, err)
		}
	} else {
		var ok bool
		if s.url, s.ref, ok = splitRef(from); !ok {
			return nil, exit(exitUsage, fmt.Errorf("--definitions %s: it is neither a directory nor a repository as URL@REF", from))
		}
		s.base = filepath.Join(w.cacheDir(), "definitions")
	}
	defs, err := s.List(ctx)
	if err == nil && len(defs) == 0 {
		err = fmt.Errorf("there is no definition of a service in %s", from)
	}
	return s, err
}

// splitRef cuts URL@REF. An @ before the host is the login's.
func splitRef(text string) (url, ref string, ok bool) {
	i := strings.LastIndex(text, "@")
	if i <= 0 || i == len(text)-1 {
		return "", "", false
	}
	url, ref = text[:i], text[i+1:]
	_, path, scheme := strings.Cut(url, "://")
	switch {
	case strings.Contains(ref, ":"), ref[0] == '-': // git@host:path
		return "", "", false
	case scheme && !strings.Contains(path, "/"): // ssh://git@host/path
		return "", "", false
	}
	return url, ref, strings.ContainsAny(url, "/:")
}

// tree is the directory of the definitions, of a repository as it is now, and
// its commit.
func (s *starts) tree(ctx context.Context) (dir, commit string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url == "" || s.root != "" && s.w.now().Sub(s.read) < freshFor {
		return s.root, s.commit, nil
	}
	if dir, commit, err = release.CheckOut(ctx, s.url, s.ref, s.base); err != nil {
		return "", "", err
	}
	s.root, s.commit, s.read = dir, commit, s.w.now()
	return dir, commit, nil
}

// List reads the definitions; one that cannot be read is left out.
func (s *starts) List(ctx context.Context) ([]web.Definition, error) {
	root, commit, err := s.tree(ctx)
	if err != nil {
		return nil, err
	}
	files, err := definitions([]string{root})
	if err != nil {
		return nil, err
	}
	from := ""
	if commit != "" {
		from = s.url + "@" + s.ref
	}
	var all []web.Definition
	for _, file := range files {
		if strings.HasSuffix(file, ".test.hcl") {
			continue
		}
		src, _, err := parse(file, "")
		if err != nil || len(src.cfg.Services()) == 0 {
			continue
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", file, err)
		}
		all = append(all, web.Definition{
			File: name, Path: file, From: from, Commit: commit, Services: src.cfg.Services(), Environments: src.cfg.Environments(),
		})
	}
	return all, nil
}

// command is this program in the directory of a definition.
func (s *starts) command(ctx context.Context, d web.Definition, by string, args ...string) *osexec.Cmd {
	if s.w.state != "" {
		args = append(args, "--state", s.w.state)
	}
	cmd := osexec.CommandContext(ctx, s.program, append(args, "--color", "never")...)
	cmd.Dir = filepath.Dir(d.Path)
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = s.w.environ
	if by != "" {
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], byVariable+"="+by)
	}
	return cmd
}

// mostOutput bounds what is kept of what a process prints.
const mostOutput = 64 << 10

// Plan runs `shipit plan --out`.
func (s *starts) Plan(ctx context.Context, d web.Definition, env, tag, file, by string) (string, error) {
	args := []string{"plan", filepath.Base(d.Path), "--out", file}
	if env != "" {
		args = append(args, "--env", env)
	}
	if tag != "" {
		args = append(args, "--release", tag)
	}
	cmd := s.command(ctx, d, by, args...)
	out := &kept{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err := cmd.Run()
	if err == nil || isThere(file) { // a plan that cannot be applied is one to look at, too
		return out.String(), nil
	}
	if ctx.Err() != nil {
		return out.String(), errors.New("planning took too long, or the server ended meanwhile")
	}
	return out.String(), fmt.Errorf("no plan was made: %s", lastWords(out.String(), err))
}

// Apply runs `shipit apply FILE --detach`: the run is a process that neither
// the end of this one nor its terminal ends. It may wait for a lock before.
func (s *starts) Apply(ctx context.Context, d web.Definition, file, by string) (run, output string, err error) {
	cmd := s.command(ctx, d, by, "apply", file, "--detach", "--json", "--reason", "started from the web page by "+by)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	said, out := &kept{}, &kept{}
	cmd.Stdout, cmd.Stderr = out, said
	err = cmd.Run()
	var begun struct{ Run string }
	if json.Unmarshal([]byte(out.String()), &begun) == nil && begun.Run != "" {
		return begun.Run, "", nil
	}
	return "", said.String(), fmt.Errorf("no run was begun: %s", lastWords(said.String(), err))
}

// lastWords is the last line that a process printed, which says why it ended.
func lastWords(output string, err error) string {
	text := ""
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "shipit: ") || text == "" && line != "" {
			text = strings.TrimPrefix(line, "shipit: ")
		}
	}
	if text == "" && err != nil {
		text = err.Error()
	}
	return diag.CleanLine(text)
}

// kept is the beginning of what is written to it.
type kept struct{ strings.Builder }

func (k *kept) Write(p []byte) (int, error) {
	k.Builder.Write(p[:min(len(p), max(0, mostOutput-k.Len()))])
	return len(p), nil
}

func isThere(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
