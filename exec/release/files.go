package release

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// ModeDir is of a directory that holds nothing. Git knows none, other
// sources do.
const ModeDir = 0o040000

// Files are the files of a release that come from a directory or an archive
// on this machine instead of a commit. The object id of a content is its
// SHA-256, and so is that of a link's target.
type Files struct {
	Name string // as the definition has it
	// Private counts the files that only their owner may read here, and
	// everybody on the hosts.
	Private int

	entries []Entry
	digest  string
	links   map[string]string // targets of links, by object id
	open    func(oid string) (io.ReadCloser, error)
	close   func() error
	bases   map[string][]Entry // what hosts have, by release id
}

// OpenFiles reads the directory or the archive at path, once and whole.
// Strip leaves out so many leading directories of an archive's names. A
// source that changes meanwhile is refused, and so is everything that cannot
// be on every host what it is here: nothing is left out silently.
func OpenFiles(ctx context.Context, name, path string, strip int) (*Files, error) {
	f, err := openFiles(ctx, name, path, strip)
	if err != nil {
		return nil, fmt.Errorf("cannot make a release of %s: %w", name, err)
	}
	return f, nil
}

// Digest is the SHA-256 of the manifest: of all names, contents, executable
// bits and links.
func (f *Files) Digest() string { return f.digest }

// Close gives back what reading took.
func (f *Files) Close() error { return f.close() }

// Tree lists the files of this release by its digest, or of one that a host
// has by its id, as Learn was told.
func (f *Files) Tree(_ context.Context, version string) ([]Entry, error) {
	if version == f.digest {
		return f.entries, nil
	}
	if base, ok := f.bases[version]; ok {
		return base, nil
	}
	return nil, fmt.Errorf("%s is not release %s", f.Name, version)
}

// Blobs reads contents. One that is not what it was when the source was read
// first is refused.
func (f *Files) Blobs(ctx context.Context, oids []string, fn func(oid string, size int64, r io.Reader) error) error {
	sizes := make(map[string]int64, len(f.entries))
	for _, e := range f.entries {
		sizes[e.OID] = e.Size
	}
	for _, oid := range oids {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if target, ok := f.links[oid]; ok {
			if err := fn(oid, int64(len(target)), strings.NewReader(target)); err != nil {
				return err
			}
			continue
		}
		if err := f.blob(oid, sizes[oid], fn); err != nil {
			return err
		}
	}
	return nil
}

func (f *Files) blob(oid string, size int64, fn func(string, int64, io.Reader) error) error {
	changed := fmt.Errorf("%s changed since it was read; let its build end, and plan again", f.Name)
	r, err := f.open(oid)
	if err != nil {
		return errors.Join(changed, err)
	}
	defer r.Close()
	h := sha256.New()
	content := io.TeeReader(io.LimitReader(r, size), h)
	if err := fn(oid, size, content); err != nil {
		if _, rest := io.Copy(io.Discard, content); rest == nil && hex.EncodeToString(h.Sum(nil)) != oid {
			return changed // which is why
		}
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != oid {
		return changed
	}
	return nil
}

// Learn takes in the manifest of a release that a host has, so that only the
// difference to it need be sent. The manifest is a host's word: it is
// believed as little as the host itself, which compares it before it uses it.
func (f *Files) Learn(id, manifest string) error {
	var entries []Entry
	for line := range strings.Lines(manifest) {
		e, target, err := parseLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return fmt.Errorf("cannot use the list of release %s: %w", id, err)
		}
		if e.Mode == ModeSymlink {
			f.links[e.OID] = target
		}
		entries = append(entries, e)
	}
	if err := checkNames(entries); err != nil {
		return fmt.Errorf("cannot use the list of release %s: %w", id, err)
	}
	slices.SortFunc(entries, byPath)
	f.bases[id] = entries
	return nil
}

// Knows tells whether Learn was told of a release.
func (f *Files) Knows(id string) bool { return f.bases[id] != nil }

// Manifest lists entries as hosts keep them; see ManifestLine.
func (f *Files) Manifest(entries []Entry) string {
	lines := make([]string, 0, len(entries))
	for _, e := range entries {
		is := e.OID
		if e.Mode == ModeSymlink {
			is = f.links[e.OID]
		}
		lines = append(lines, ManifestLine(e, is))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// ManifestLine is the line of an entry in a manifest, which is sorted by the
// bytes of its lines: "f SHA256  path", "x SHA256  path" of an executable,
// "l path", a tab and the target of a symbolic link, "d path" of an empty
// directory. Is is the digest or the target.
func ManifestLine(e Entry, is string) string {
	switch e.Mode {
	case ModeSymlink:
		return "l " + e.Path + "\t" + is + "\n"
	case ModeExecutable:
		return "x " + is + "  " + e.Path + "\n"
	case ModeDir:
		return "d " + e.Path + "\n"
	}
	return "f " + is + "  " + e.Path + "\n"
}

// parseLine reads what ManifestLine wrote, on a host.
func parseLine(line string) (e Entry, target string, err error) {
	kind, rest, _ := strings.Cut(line, " ")
	bad := fmt.Errorf("it has the line %q", line)
	switch kind {
	case "f", "x":
		e.Mode = ModeFile
		if kind == "x" {
			e.Mode = ModeExecutable
		}
		var ok bool
		if e.OID, e.Path, ok = strings.Cut(rest, "  "); !ok || len(e.OID) != 64 || checkCommit(e.OID) != nil {
			return e, "", bad
		}
	case "l":
		var ok bool
		if e.Path, target, ok = strings.Cut(rest, "\t"); !ok {
			return e, "", bad
		}
		e.Mode, e.OID = ModeSymlink, digestOf(target)
	case "d":
		e.Mode, e.Path = ModeDir, rest
	default:
		return e, "", bad
	}
	return e, target, checkName(e.Path)
}

// A finding is what is found of a source while it is read.
type finding struct {
	entries []Entry
	links   map[string]string // targets, by path
	dirs    []string          // all of them
	private int
}

// files checks what was found and makes a release of it.
func (found *finding) files(name string) (*Files, error) {
	parents := map[string]bool{}
	for _, p := range found.paths() {
		for d := path.Dir(p); d != "." && !parents[d]; d = path.Dir(d) {
			parents[d] = true
		}
	}
	slices.Sort(found.dirs)
	for _, d := range slices.Compact(found.dirs) {
		if !parents[d] {
			found.entries = append(found.entries, Entry{Path: d, Mode: ModeDir})
		}
	}
	if len(found.entries) == 0 {
		return nil, errors.New("nothing is in it")
	}
	slices.SortFunc(found.entries, byPath)
	for _, e := range found.entries {
		if err := checkName(e.Path); err != nil {
			return nil, err
		}
	}
	if err := checkNames(found.entries); err != nil {
		return nil, err
	}
	if err := checkLinks(found.entries, found.links); err != nil {
		return nil, err
	}
	f := &Files{
		Name: name, Private: found.private, entries: found.entries,
		links: map[string]string{}, bases: map[string][]Entry{}, close: func() error { return nil },
	}
	for _, target := range found.links {
		f.links[digestOf(target)] = target
	}
	f.digest = digestOf(f.Manifest(f.entries))
	return f, nil
}

func (found *finding) paths() []string {
	out := slices.Clone(found.dirs)
	for _, e := range found.entries {
		out = append(out, e.Path)
	}
	return out
}

func byPath(a, b Entry) int { return cmp.Compare(a.Path, b.Path) }

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
