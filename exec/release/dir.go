package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

func openFiles(ctx context.Context, name, path string, strip int) (*Files, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir() && strip > 0:
		return nil, errors.New("it is a directory; strip is for archives")
	case info.IsDir():
		return openDir(ctx, name, path)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is neither a directory nor an archive")
	}
	return openArchive(ctx, name, path, strip)
}

// openDir reads a directory. It stays inside whatever others do there
// meanwhile, and afterwards looks whether they did.
func openDir(ctx context.Context, name, path string) (*Files, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	before, err := look(root)
	if err != nil {
		root.Close()
		return nil, err
	}
	found, at, err := digestDir(ctx, root, before)
	if err == nil {
		var after []seen
		if after, err = look(root); err == nil {
			err = sameDir(before, after)
		}
	}
	var f *Files
	if err == nil {
		f, err = found.files(name)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	f.open = func(oid string) (io.ReadCloser, error) { return root.Open(at[oid]) }
	f.close = root.Close
	return f, nil
}

// A seen is a file, link or directory as a look at the directory found it.
type seen struct {
	path string
	info fs.FileInfo
}

// look lists a directory and all below it, in order, and refuses what cannot
// be released.
func look(root *os.Root) ([]seen, error) {
	var all []seen
	err := fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		if err := checkName(p); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, seen{p, info})
		return checkMode(p, info.Mode())
	})
	return all, err
}

// checkMode refuses what is neither file, directory nor link, and bits that
// would make somebody else of whoever runs the file.
func checkMode(name string, mode fs.FileMode) error {
	switch {
	case mode.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0:
		return fmt.Errorf("%q is neither file, directory nor symbolic link (%s); a release can only have those", name, mode)
	case mode.IsRegular() && mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return fmt.Errorf("%q is setuid or setgid (%s), which a release never is; chmod ug-s it", name, mode)
	}
	return nil
}

// digestDir reads what look saw. At is where each content is.
func digestDir(ctx context.Context, root *os.Root, all []seen) (found finding, at map[string]string, err error) {
	found.links, at = map[string]string{}, map[string]string{}
	for _, s := range all {
		if err := context.Cause(ctx); err != nil {
			return found, nil, err
		}
		switch s.info.Mode().Type() {
		case fs.ModeDir:
			found.dirs = append(found.dirs, s.path)
		case fs.ModeSymlink:
			target, err := root.Readlink(s.path)
			if err != nil {
				return found, nil, err
			}
			found.links[s.path] = target
			found.entries = append(found.entries, Entry{s.path, ModeSymlink, digestOf(target), int64(len(target))})
		default:
			e, err := digestFile(root, s)
			if err != nil {
				return found, nil, err
			}
			if s.info.Mode().Perm()&0o044 == 0 {
				found.private++
			}
			at[e.OID] = e.Path
			found.entries = append(found.entries, e)
		}
	}
	return found, at, nil
}

// digestFile reads the file that was seen, and no other that took its name.
func digestFile(root *os.Root, s seen) (Entry, error) {
	e := Entry{Path: s.path, Mode: fileMode(s.info.Mode()), Size: s.info.Size()}
	f, err := root.Open(s.path)
	if err != nil {
		return e, err
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil {
		return e, err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	switch {
	case err != nil:
		return e, err
	case n != e.Size || !os.SameFile(is, s.info):
		return e, changedError(s.path)
	}
	e.OID = hex.EncodeToString(h.Sum(nil))
	return e, nil
}

// fileMode is what of a file's mode is part of a release, as git has it.
func fileMode(m fs.FileMode) uint32 {
	if m&0o100 != 0 {
		return ModeExecutable
	}
	return ModeFile
}

// sameDir compares two looks.
func sameDir(before, after []seen) error {
	was := make(map[string]fs.FileInfo, len(before))
	for _, s := range before {
		was[s.path] = s.info
	}
	for _, s := range after {
		w := was[s.path]
		if w == nil || !os.SameFile(w, s.info) || w.Mode() != s.info.Mode() || w.Size() != s.info.Size() || !w.ModTime().Equal(s.info.ModTime()) {
			return changedError(s.path)
		}
		delete(was, s.path)
	}
	for _, s := range before {
		if was[s.path] != nil {
			return changedError(s.path)
		}
	}
	return nil
}

func changedError(name string) error {
	return fmt.Errorf("%q changed while it was read; let the build end first", name)
}
