package lang

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"slices"

	"shipit/lang/diag"
)

// maxRepairs bounds the rounds of Repair: one fix may bring to light what
// another mistake hid.
const maxRepairs = 50

// A Repaired definition is one to whose text every certain fix was applied.
type Repaired struct {
	Config *Config
	Diags  diag.List // what is left, of loading and validating
	Done   []Fixed
	Texts  map[string][]byte // the new bytes of the files that differ
	Before map[string][]byte // what was read of them
}

// A Fixed is a mistake that was corrected, as it was found.
type Fixed struct {
	Code string
	At   diag.Range
	Fix  diag.Fix
}

// Repair validates the definition and applies the fixes that the diagnostics
// carry, until there are none. It writes nothing. A fix after which something
// else is wrong with what it wrote is taken back, so that repairing never
// makes a mistake of its own.
func Repair(root fs.FS, file string, o Options, vars []Assignment) Repaired {
	files := &overlay{FS: root, read: map[string][]byte{}, texts: map[string][]byte{}}
	look := func() (*Config, diag.List) {
		c, diags := Load(files, file, o)
		return c, append(slices.Clone(diags), c.Validate(vars)...).Sorted()
	}
	r := Repaired{Texts: map[string][]byte{}, Before: map[string][]byte{}}
	r.Config, r.Diags = look()
	refused := map[string]bool{}
	for range maxRepairs {
		todo := chosen(r.Config, r.Diags, refused)
		before := files.texts
		for len(todo) > 0 {
			files.texts = files.with(todo)
			c, diags := look()
			guilty := r.guilty(c, diags, todo)
			if len(guilty) == 0 {
				r.Config, r.Diags = c, diags
				r.Done = append(r.Done, todo...)
				break
			}
			files.texts = before
			todo = slices.DeleteFunc(todo, func(f Fixed) bool { return guilty[f.key()] })
			for key := range guilty {
				refused[key] = true
			}
		}
		if len(todo) == 0 {
			break
		}
	}
	// Fixes leave lines where they are.
	slices.SortStableFunc(r.Done, func(a, b Fixed) int {
		return cmp.Or(cmp.Compare(a.Fix.Range.File, b.Fix.Range.File), cmp.Compare(a.Fix.Range.Start.Line, b.Fix.Range.Start.Line))
	})
	for name, text := range files.texts {
		if !bytes.Equal(text, files.read[name]) {
			r.Texts[name], r.Before[name] = text, files.read[name]
		}
	}
	return r
}

// key tells a fix from others in the next round, when columns have moved.
func (f Fixed) key() string {
	return fmt.Sprintf("%s %s:%d %s", f.Code, f.Fix.Range.File, f.Fix.Range.Start.Line, f.Fix.Title)
}

// chosen are the fixes of diags that do not get into each other's way, in the
// order of the text.
func chosen(c *Config, diags diag.List, refused map[string]bool) []Fixed {
	var list []Fixed
	for _, d := range diags {
		for _, fix := range d.Fixes {
			f := Fixed{d.Code, d.Subject, fix}
			if slices.Contains(c.order, fix.Range.File) && !refused[f.key()] && !slices.ContainsFunc(list, f.meets) {
				list = append(list, f)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Fixed) int {
		return cmp.Or(cmp.Compare(a.Fix.Range.File, b.Fix.Range.File), cmp.Compare(a.Fix.Range.Start.Byte, b.Fix.Range.Start.Byte))
	})
	return list
}

// meets tells whether two fixes touch each other.
func (f Fixed) meets(other Fixed) bool {
	a, b := f.Fix.Range, other.Fix.Range
	return a.File == b.File && a.Start.Byte <= b.End.Byte && b.Start.Byte <= a.End.Byte
}

// guilty are the keys of the fixes that made a mistake: one about the very
// text that they wrote, or one that it takes part in.
func (r *Repaired) guilty(c *Config, after diag.List, todo []Fixed) map[string]bool {
	guilty := map[string]bool{}
	if c.unread && !r.Config.unread {
		for _, f := range todo {
			guilty[f.key()] = true
		}
		return guilty
	}
	moved, name := 0, ""
	for _, f := range todo {
		at := f.Fix.Range
		if at.File != name {
			moved, name = 0, at.File
		}
		from := at.Start.Byte + moved
		to := from + len(f.Fix.Text)
		moved += len(f.Fix.Text) - (at.End.Byte - at.Start.Byte)
		for _, d := range after {
			if d.Severity == diag.Error && (blames(d, name, from, to) || f.Code == "E0204" && r.newCircle(d)) {
				guilty[f.key()] = true
			}
		}
	}
	return guilty
}

// blames tells whether d is about the bytes from to to of a file, or about
// two places of which one overlaps with them.
func blames(d diag.Diagnostic, file string, from, to int) bool {
	at := d.Subject
	if at.File == file && at.Start.Byte >= from && at.End.Byte <= to && at.End.Byte > at.Start.Byte {
		return true
	}
	for i, r := range d.Related {
		places := []diag.Range{r.Range}
		if i == 0 {
			places = append(places, at)
		}
		for _, p := range places {
			if p.File == file && p.Start.Byte < to && from < p.End.Byte {
				return true
			}
		}
	}
	return false
}

// newCircle tells whether d is a circle of names that was not there before.
func (r *Repaired) newCircle(d diag.Diagnostic) bool {
	return d.Code == "E0209" && !slices.ContainsFunc(r.Diags, func(old diag.Diagnostic) bool { return old.Code == d.Code && old.Summary == d.Summary })
}

// An overlay serves changed texts in the place of files, and of all others
// what they held when they were first read.
type overlay struct {
	fs.FS
	read, texts map[string][]byte
}

// ReadFile implements fs.ReadFileFS.
func (o *overlay) ReadFile(name string) ([]byte, error) {
	if text, ok := o.texts[name]; ok {
		return bytes.Clone(text), nil
	}
	if text, ok := o.read[name]; ok {
		return bytes.Clone(text), nil
	}
	text, err := fs.ReadFile(o.FS, name)
	if err == nil {
		o.read[name] = bytes.Clone(text)
	}
	return text, err
}

// Stat implements fs.StatFS.
func (o *overlay) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(o.FS, name)
	if text, ok := o.texts[name]; ok && err == nil {
		return resized{info, int64(len(text))}, nil
	}
	return info, err
}

type resized struct {
	fs.FileInfo
	size int64
}

// Size implements fs.FileInfo.
func (r resized) Size() int64 { return r.size }

// with are the texts after the fixes, which are in the order of the text.
func (o *overlay) with(todo []Fixed) map[string][]byte {
	texts := map[string][]byte{}
	for name, text := range o.texts {
		texts[name] = text
	}
	for _, f := range slices.Backward(todo) {
		at := f.Fix.Range
		text, ok := texts[at.File]
		if !ok {
			text = o.read[at.File]
		}
		from, to := rawOffset(text, at.Start.Byte), rawOffset(text, at.End.Byte)
		texts[at.File] = slices.Concat(text[:from], []byte(f.Fix.Text), text[to:])
	}
	return texts
}

// rawOffset is where the byte at of a text stands in the file that it was
// read from: a byte order mark and carriage returns are not counted.
func rawOffset(raw []byte, at int) int {
	i := 0
	if bytes.HasPrefix(raw, []byte("\ufeff")) {
		i = len("\ufeff")
	}
	for range at {
		if bytes.HasPrefix(raw[i:], []byte("\r\n")) {
			i++
		}
		i++
	}
	return i
}
