package release

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The modes of files as git has them.
const (
	ModeFile       = 0o100644
	ModeExecutable = 0o100755
	ModeSymlink    = 0o120000
	modeOldFile    = 0o100664 // made by early versions of git
	modeSubmodule  = 0o160000
)

// An Entry is a file or symbolic link of a release.
type Entry struct {
	Path string // relative, with slashes
	Mode uint32 // ModeFile, ModeExecutable or ModeSymlink; of Files also ModeDir
	OID  string // of the contents
	Size int64
}

// A SubmoduleError says that a release has submodules, whose files are in
// other repositories.
type SubmoduleError struct {
	Commit string
	Paths  []string
}

func (e *SubmoduleError) Error() string {
	return fmt.Sprintf("commit %.12s has submodules (%s), which this transport does not carry; use transport \"git\" with submodules = true, or copy their files into the repository",
		e.Commit, strings.Join(e.Paths, ", "))
}

// Tree lists the files of a commit, ordered by path. It refuses what would be
// unsafe to unpack: names with control characters or "..", one name twice,
// links that lead out of the release. Git is asked once for each commit, and
// nobody may change what is returned.
func (r *Repo) Tree(ctx context.Context, commit string) ([]Entry, error) {
	r.mu.Lock()
	entries, ok := r.trees[commit]
	r.mu.Unlock()
	if ok {
		return entries, nil
	}
	entries, err := r.tree(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("cannot list the files of %.12s: %w", commit, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trees == nil || len(r.trees) == maxTrees {
		r.trees = map[string][]Entry{}
	}
	r.trees[commit] = entries
	return entries, nil
}

// maxTrees bounds the commits whose files are kept in memory: a run needs the
// one that it brings and the few that hosts have.
const maxTrees = 4

func (r *Repo) tree(ctx context.Context, commit string) ([]Entry, error) {
	if err := checkCommit(commit); err != nil {
		return nil, err
	}
	out, err := git(ctx, r.dir, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	var submodules []string
	for record := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		if len(record) == 0 {
			continue // an empty tree
		}
		e, err := parseEntry(string(record))
		if err != nil {
			return nil, err
		}
		if e.Mode == modeSubmodule {
			submodules = append(submodules, e.Path)
			continue
		}
		entries = append(entries, e)
	}
	if len(submodules) > 0 {
		return nil, &SubmoduleError{Commit: commit, Paths: submodules}
	}
	if err := checkNames(entries); err != nil {
		return nil, err
	}
	targets, err := r.targets(ctx, entries)
	if err != nil {
		return nil, err
	}
	return entries, checkLinks(entries, targets)
}

// parseEntry reads "mode type oid size<TAB>path".
func parseEntry(record string) (Entry, error) {
	head, name, ok := strings.Cut(record, "\t")
	f := strings.Fields(head)
	if !ok || len(f) != 4 {
		return Entry{}, fmt.Errorf("git ls-tree printed %q", record)
	}
	if err := checkName(name); err != nil {
		return Entry{}, err
	}
	mode, err := strconv.ParseUint(f[0], 8, 32)
	if err != nil {
		return Entry{}, fmt.Errorf("git ls-tree printed %q", record)
	}
	e := Entry{Path: name, Mode: uint32(mode), OID: f[2]}
	switch e.Mode {
	case modeSubmodule:
		return e, nil
	case modeOldFile:
		e.Mode = ModeFile
	case ModeFile, ModeExecutable, ModeSymlink:
	default:
		return Entry{}, fmt.Errorf("%q has the unknown mode %s", name, f[0])
	}
	e.Size, err = strconv.ParseInt(f[3], 10, 64)
	if err != nil {
		return Entry{}, fmt.Errorf("git ls-tree printed %q", record)
	}
	return e, nil
}

// checkName refuses names that lead elsewhere or cannot be shown. Git makes no
// such trees, but it can be made to.
func checkName(name string) error {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("the name %q has a control character", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return fmt.Errorf("the name %q is not allowed in a release", name)
		}
	}
	return nil
}

// checkNames refuses a name that stands twice, or is a file and a directory:
// what is written first may be a link that leads the second elsewhere.
func checkNames(entries []Entry) error {
	files := make(map[string]bool, len(entries))
	for _, e := range entries {
		if files[e.Path] {
			return fmt.Errorf("the name %q stands there twice", e.Path)
		}
		files[e.Path] = true
	}
	for _, e := range entries {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return fmt.Errorf("%q is both a file and a directory", dir)
			}
		}
	}
	return nil
}

// targets reads where the symbolic links among entries point, by path.
func (r *Repo) targets(ctx context.Context, entries []Entry) (map[string]string, error) {
	var oids, paths []string
	for _, e := range entries {
		if e.Mode == ModeSymlink {
			oids, paths = append(oids, e.OID), append(paths, e.Path)
		}
	}
	targets := make(map[string]string, len(paths))
	err := r.Blobs(ctx, oids, func(_ string, size int64, rd io.Reader) error {
		link := paths[len(targets)]
		if size > 4096 {
			return fmt.Errorf("the link %q has a target of %d bytes", link, size)
		}
		target, err := io.ReadAll(rd)
		targets[link] = string(target)
		return err
	})
	return targets, err
}

// maxHops is how many links Linux follows before it gives up.
const maxHops = 40

// checkLinks refuses links that lead out of the release, by themselves or by
// way of others. A link that leads nowhere, or round in circles, harms nobody.
func checkLinks(entries []Entry, targets map[string]string) error {
	for _, e := range entries {
		if e.Mode != ModeSymlink {
			continue
		}
		target := targets[e.Path]
		if target == "" || strings.ContainsFunc(target, unicode.IsControl) {
			return fmt.Errorf("the link %q has the target %q, which is not allowed in a release", e.Path, target)
		}
		if escapes(e.Path, targets) {
			return fmt.Errorf("the link %q to %q leads out of the release; let it point to a relative path inside, or have the transport's shared paths link what lives outside", e.Path, target)
		}
	}
	return nil
}

// escapes follows a link as the kernel would.
func escapes(link string, targets map[string]string) bool {
	var at []string // where we are, below the release
	todo := strings.Split(link, "/")
	for hops := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return true
			}
			at = at[:len(at)-1]
			continue
		}
		target, isLink := targets[strings.Join(append(at[:len(at):len(at)], part), "/")]
		if !isLink {
			at = append(at, part)
			continue
		}
		if strings.HasPrefix(target, "/") {
			return true
		}
		if hops++; hops > maxHops {
			return false
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return false
}

// Dirs are the directories of entries, parents first.
func Dirs(entries []Entry) []string {
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Mode == ModeDir {
			seen[e.Path] = true
		}
		for d := path.Dir(e.Path); d != "." && !seen[d]; d = path.Dir(d) {
			seen[d] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
