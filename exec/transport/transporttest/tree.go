package transporttest

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipit/exec/release"
)

// A Tree is a release: contents by path. "-> x" is a link to x, a content
// that begins with "#!" is executable, and a path that ends in "/" is an empty
// directory.
type Tree map[string]string

// Manifest is the list of a release as a host must keep it, with empty
// directories where its kind lists them.
func (t Tree) Manifest(dirs bool) string {
	var lines []string
	for name, text := range t {
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			if dirs {
				lines = append(lines, "d "+strings.TrimSuffix(name, "/")+"\n")
			}
		case link:
			lines = append(lines, "l "+name+"\t"+target+"\n")
		case strings.HasPrefix(text, "#!"):
			lines = append(lines, "x "+Digest([]byte(text))+"  "+name+"\n")
		default:
			lines = append(lines, "f "+Digest([]byte(text))+"  "+name+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Files is what Files must find where the release lies.
func (t Tree) Files() map[string]string {
	out := map[string]string{".": "drwxr-xr-x"}
	for name, text := range t {
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
			out[dir] = "drwxr-xr-x"
		}
		switch {
		case strings.HasSuffix(name, "/"):
		case strings.HasPrefix(text, "-> "):
			out[name] = text
		case strings.HasPrefix(text, "#!"):
			out[name] = "-rwxr-xr-x " + text
		default:
			out[name] = "-rw-r--r-- " + text
		}
	}
	return out
}

// Without is the tree without its empty directories, as git has it.
func (t Tree) Without() Tree {
	out := maps.Clone(t)
	maps.DeleteFunc(out, func(name, _ string) bool { return strings.HasSuffix(name, "/") })
	return out
}

// Put writes the tree below dir with the modes of somebody who keeps things to
// himself.
func (t Tree) Put(tb testing.TB, dir string) {
	tb.Helper()
	err := os.MkdirAll(dir, 0o700)
	for name, text := range t {
		p := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.MkdirAll(p, 0o700))
			continue
		}
		err = errors.Join(err, os.MkdirAll(filepath.Dir(p), 0o700))
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case link:
			err = errors.Join(err, os.Symlink(target, p))
		case strings.HasPrefix(text, "#!"):
			err = errors.Join(err, os.WriteFile(p, []byte(text), 0o700))
		default:
			err = errors.Join(err, os.WriteFile(p, []byte(text), 0o600))
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Files lists what is below dir: mode, kind and content of everything. A dir
// that does not exist has nothing.
func Files(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if text, err = os.Readlink(p); err != nil {
				return err
			}
			text = "-> " + text
		case info.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text = info.Mode().String() + " " + string(b)
		default:
			text = info.Mode().String()
		}
		name, _ := filepath.Rel(dir, p)
		out[name] = text
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Fatal(err)
	}
	return out
}

// Digest is the SHA-256 of data as people write it.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// A Repo is a repository in memory: a transport.Source.
type Repo struct {
	Reads int // of contents

	trees map[string]Tree // by commit
	blobs map[string]string
}

// NewRepo makes a repository of trees by commit.
func NewRepo(trees map[string]Tree) *Repo { return &Repo{trees: trees, blobs: map[string]string{}} }

// Tree lists the files of a commit.
func (r *Repo) Tree(_ context.Context, commit string) ([]release.Entry, error) {
	t, ok := r.trees[commit]
	if !ok {
		return nil, fmt.Errorf("no commit %s", commit)
	}
	var out []release.Entry
	for path, text := range t.Without() {
		mode := uint32(release.ModeFile)
		target, link := strings.CutPrefix(text, "-> ")
		switch {
		case link:
			mode, text = release.ModeSymlink, target
		case strings.HasPrefix(text, "#!"):
			mode = release.ModeExecutable
		}
		sum := sha1.Sum([]byte(text))
		oid := hex.EncodeToString(sum[:])
		r.blobs[oid] = text
		out = append(out, release.Entry{Path: path, Mode: mode, OID: oid, Size: int64(len(text))})
	}
	slices.SortFunc(out, func(a, b release.Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// Blobs reads contents by object id.
func (r *Repo) Blobs(_ context.Context, oids []string, fn func(string, int64, io.Reader) error) error {
	for _, oid := range oids {
		r.Reads++
		if err := fn(oid, int64(len(r.blobs[oid])), strings.NewReader(r.blobs[oid])); err != nil {
			return err
		}
	}
	return nil
}
