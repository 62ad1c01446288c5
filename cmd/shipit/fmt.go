package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/format"
)

type fmtCmd struct {
	Files []string `arg:"" name:"file" optional:"" help:"Files or directories; - is standard input; none is this directory."`
	Check bool     `help:"Write nothing; exit with 3 if a file would change, naming it."`
	Diff  bool     `help:"Show what would change."`
}

func (c *fmtCmd) Help() string {
	return examples(
		"shipit fmt                     # rewrite the *.hcl files of this directory",
		"shipit fmt --check services/   # in CI: exit 3 if a file is not canonical",
		"shipit fmt - < restbase.hcl    # as a filter")
}

func (c *fmtCmd) Run(w *world) error {
	if len(c.Files) == 1 && c.Files[0] == "-" {
		src, err := io.ReadAll(io.LimitReader(w.stdin, eval.MaxFile+1)) // more is refused
		if err != nil {
			return fmt.Errorf("cannot read standard input: %w", err)
		}
		return c.one(w, "<stdin>", src, func(out []byte) error {
			_, err := w.stdout.Write(out)
			return err
		})
	}
	files, err := definitions(c.Files)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("there is no *.hcl file here; name a file or a directory")
	}
	worst := error(nil)
	for _, name := range files {
		if err := c.file(w, name); err != nil {
			var e *exitError
			if !errors.As(err, &e) { // the others can be formatted still
				w.complain(err)
				err = exit(exitFailed, nil)
			}
			if worst == nil || e == nil || e.code == exitFailed {
				worst = err
			}
		}
	}
	return worst
}

// file formats one file. A link stays one: what it leads to is rewritten.
func (c *fmtCmd) file(w *world, name string) error {
	if info, err := os.Stat(name); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("cannot read %s: it is not a regular file", name)
	}
	root, rel, err := rootOf(name, "") // refuses what is outside of the repository
	if err != nil {
		return err
	}
	to := filepath.Join(root, filepath.FromSlash(rel))
	f, err := os.Open(to)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	src, err := io.ReadAll(io.LimitReader(f, eval.MaxFile+1)) // more is refused
	_ = f.Close()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return c.one(w, name, src, func(out []byte) error { return replace(to, out) })
}

// one formats one source and hands the result to write if it differs.
func (c *fmtCmd) one(w *world, name string, src []byte, write func([]byte) error) error {
	var out []byte
	var diags diag.List
	if d := ordinary.guard(name, func() { out, diags = format.Format(src, name) }); d != nil {
		w.diagnose(diag.List{*d}, nil)
		return exit(exitFailed, nil)
	}
	if diags.HasErrors() {
		w.diagnose(diags, map[string][]byte{name: src})
		return exit(exitFailed, nil)
	}
	same := bytes.Equal(src, out)
	if c.Diff && !same {
		fmt.Fprint(w.stdout, diag.Clean(format.Diff(name, src, out)))
	}
	switch {
	case c.Check && !same:
		if !c.Diff {
			fmt.Fprintln(w.stdout, diag.CleanLine(name))
		}
		return exit(exitDifferences, nil)
	case c.Check || c.Diff:
		return nil
	case name == "<stdin>":
		return write(out)
	case same:
		return nil
	}
	fmt.Fprintln(w.stdout, diag.CleanLine(name))
	return write(out)
}

// definitions are the *.hcl files that the arguments name, directories read
// recursively.
func definitions(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			if _, gone := os.Lstat(arg); gone != nil {
				return nil, fmt.Errorf("cannot read %s: %w", arg, err)
			}
		}
		if err != nil || !info.IsDir() {
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && path != arg && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			if d.Type().IsRegular() && filepath.Ext(path) == ".hcl" {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", arg, err)
		}
	}
	return files, nil
}

// replace writes a file by rename, keeping its mode: a reader sees the old or
// the new text, and a full disk loses nothing.
func replace(name string, data []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	return writeFile(name, data, mode)
}

func writeFile(name string, data []byte, mode fs.FileMode) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".shipit-*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("cannot write %s: %w", name, err)
		}
	}()
	if _, err = tmp.Write(data); err != nil {
		return err
	}
	if err = tmp.Chmod(mode); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// diagnose prints diagnostics and their count on standard error.
func (w *world) diagnose(l diag.List, sources map[string][]byte) {
	if len(l) == 0 {
		return
	}
	diag.Printer{Sources: sources, Color: w.style().Color, Width: w.width}.Print(w.stderr, l.Sorted())
}
