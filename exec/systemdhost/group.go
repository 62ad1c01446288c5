//go:build linux

package systemdhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Group is a control group.
type Group struct{ path string }

// NewGroup makes one below that of this process, in the hierarchy of version
// 2.
func NewGroup(name string) (*Group, error) {
	mine, err := own()
	if err != nil {
		return nil, err
	}
	return Group{mine}.Sub(name)
}

// Sub makes a group below this one.
func (g Group) Sub(name string) (*Group, error) {
	sub := &Group{filepath.Join(g.path, name)}
	if err := os.Mkdir(sub.path, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make a control group: %w", err)
	}
	return sub, nil
}

// GroupAt is a group that is there.
func GroupAt(path string) *Group { return &Group{path} }

// Path is where the group is.
func (g Group) Path() string { return g.path }

// Remove takes the group away with all below it. Nobody may be left in them.
func (g Group) Remove() error {
	var dirs []string
	_ = filepath.WalkDir(g.path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	var err error
	for i := range dirs {
		err = os.Remove(dirs[len(dirs)-1-i])
	}
	return err
}

// own is where this process has its control group.
func own() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("cannot look for control groups: %w", err)
	}
	mine, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("cannot look for control groups: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 5 || f[3] != "/" || !strings.Contains(line, " - cgroup2 ") {
			continue
		}
		for group := range strings.Lines(string(mine)) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(group), "0::"); ok {
				return filepath.Join(f[4], path), nil
			}
		}
	}
	return "", errors.New("there are no control groups of version 2 here")
}
