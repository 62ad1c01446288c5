package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"shipit/lang"
	"shipit/lang/diag"
)

// fix applies the certain fixes to the files of the definitions and says what
// it did. A definition that costs too much is left alone: validating says so.
func (r *reading) fix(out io.Writer, dog watchdog, vars []lang.Assignment) error {
	done := 0
	for _, s := range r.sources {
		dir, err := os.OpenRoot(s.root)
		if err != nil {
			return fmt.Errorf("cannot open %s: %w", s.root, err)
		}
		defer dir.Close()
		var fixed lang.Repaired
		options := languageOptions()
		if d := dog.guard(s.path, func() { fixed = lang.Repair(dir.FS(), s.path, options, r.assigned(s, vars)) }); d != nil {
			return nil
		}
		if err := replaceBelow(dir, fixed.Before, fixed.Texts); err != nil {
			return err
		}
		for _, f := range fixed.Done {
			fmt.Fprintf(out, "fixed %s %s: %s\n", diag.CleanLine(f.Fix.Range.String()), f.Code, diag.CleanLine(f.Fix.Title))
		}
		done += len(fixed.Done)
	}
	if done == 0 {
		fmt.Fprintln(out, "nothing to fix: no mistake has exactly one answer")
	}
	return nil
}

// replaceBelow writes files below a directory, all or none as far as a disk
// can: first beside each, with its mode, then by renaming. It follows links,
// but never out of the directory, and refuses a file that has changed since
// it was read.
func replaceBelow(dir *os.Root, before, after map[string][]byte) (err error) {
	type staged struct{ tmp, name string }
	var all []staged
	defer func() {
		for _, s := range all { // what is renamed is not there any more
			_ = dir.Remove(s.tmp)
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		target, err := follow(dir, name)
		if err != nil {
			return fmt.Errorf("cannot fix %s: %w", name, err)
		}
		now, err := dir.ReadFile(target)
		if err == nil && !bytes.Equal(now, before[name]) {
			err = errors.New("it has changed since it was read")
		}
		if err != nil {
			return fmt.Errorf("cannot fix %s: %w", name, err)
		}
		tmp := path.Join(path.Dir(target), ".shipit-"+rand.Text())
		all = append(all, staged{tmp, target})
		if err := stage(dir, tmp, target, after[name]); err != nil {
			return fmt.Errorf("cannot fix %s: %w", name, err)
		}
	}
	for _, s := range all {
		if err := dir.Rename(s.tmp, s.name); err != nil {
			return fmt.Errorf("cannot fix %s: %w", s.name, err)
		}
	}
	return nil
}

// follow is the file below dir that a name stands for in the end.
func follow(dir *os.Root, name string) (string, error) {
	for range 40 { // as many as the kernel follows
		info, err := dir.Lstat(name)
		if err != nil || info.Mode().Type() != fs.ModeSymlink {
			return name, err
		}
		link, err := dir.Readlink(name)
		if err != nil {
			return "", err
		}
		if name = filepath.Join(filepath.Dir(name), link); filepath.IsAbs(link) || !filepath.IsLocal(name) {
			return "", errors.New("it is a link out of the repository")
		}
	}
	return "", errors.New("too many links")
}

// stage writes data to tmp with the mode of the file like.
func stage(dir *os.Root, tmp, like string, data []byte) error {
	info, err := dir.Stat(like)
	if err != nil {
		return err
	}
	f, err := dir.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
}
