// Package lab is a fleet on loopback for trying a definition without
// servers: SSH hosts, each with its own directory tree, port, host key and a
// small supervised HTTP service, and a git repository with releases.
//
// A lab is a directory. Up fills it and starts a background process, which
// runs Serve; Down ends what lab started and removes it. Nothing in it needs
// root, an installed sshd or a network.
package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// version is that of the marker file. A lab of another version is refused.
const version = 1

// marker is the file that makes a directory a lab.
const marker = "lab.json"

// maxHosts is where a lab on one machine stops being useful.
const maxHosts = 100

// A Lab is a directory with hosts.
type Lab struct {
	Dir        string `json:"-"` // absolute
	Definition string `json:"-"` // hello.hcl
	Fleet      string `json:"-"` // hello-fleet.hcl, which it includes
	Repo       string `json:"-"` // hello.git, with the releases
	Identity   string `json:"-"` // private key that logs in on every host
	KnownHosts string `json:"-"`
	SSHConfig  string `json:"-"` // for `ssh -F … lab1`

	Version int    `json:"shipit_lab"`
	User    string `json:"user"` // who logs in: whoever made the lab
	SSHD    bool   `json:"sshd"` // the machine's OpenSSH server, not the built-in one
	Hosts   []Host `json:"hosts"`
}

// A Host is a machine of the lab.
type Host struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Port    int    `json:"port"` // of SSH
	HTTP    int    `json:"http"` // of its service
	Root    string `json:"-"`    // its directory tree, the home of who logs in
}

// Open reads the lab in dir. The error wraps fs.ErrNotExist where there is
// no lab.
func Open(dir string) (*Lab, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", dir, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, marker))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no lab: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the lab in %s: %w", dir, err)
	}
	l := &Lab{}
	if err := json.Unmarshal(text, l); err != nil || l.Version == 0 {
		return nil, fmt.Errorf("%s is no lab: its %s was not written by shipit", dir, marker)
	}
	if l.Version != version {
		return nil, fmt.Errorf("the lab in %s was made by another version of shipit; use that one, or remove the directory", dir)
	}
	l.locate(dir)
	return l, nil
}

// locate fills in what follows from the directory.
func (l *Lab) locate(dir string) {
	l.Dir = dir
	l.Definition = filepath.Join(dir, "hello.hcl")
	l.Fleet = filepath.Join(dir, "hello-fleet.hcl")
	l.Repo = filepath.Join(dir, "hello.git")
	l.Identity = filepath.Join(dir, "ssh", "id_ed25519")
	l.KnownHosts = filepath.Join(dir, "known_hosts")
	l.SSHConfig = filepath.Join(dir, "ssh", "config")
	for i := range l.Hosts {
		l.Hosts[i].Root = filepath.Join(dir, "hosts", l.Hosts[i].Name)
	}
}

// run is the path of a file that belongs to running processes.
func (l *Lab) run(name string) string { return filepath.Join(l.Dir, "run", name) }

// hostKey is the path of h's private host key.
func (l *Lab) hostKey(h Host) string {
	return filepath.Join(l.Dir, "ssh", "host_"+h.Name+"_ed25519")
}

// save writes the marker.
func (l *Lab) save() error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		panic("internal error: a lab is no JSON: " + err.Error())
	}
	return replace(filepath.Join(l.Dir, marker), append(text, '\n'), 0o644)
}

// replace writes a file so that nobody ever reads half of it.
func replace(path string, content []byte, mode fs.FileMode) error {
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
