package transport

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"shipit/exec/release"
	"shipit/exec/remote"
)

// parcelDir is where a parcel's own files are; no release may have it.
const parcelDir = ".shipit-parcel"

// A parcel is what is sent to every host that has the same base.
type parcel struct {
	done chan struct{}
	err  error

	base   bool   // only the difference is in it
	remove string // shell, run in a copy of the base: takes away what differs
	sum    string // SHA-256 of the whole manifest
	names  string // SHA-256 of the manifest without digests; see same in stage.sh
	said   string // SHA-256 of the files' digests in openssl's words; see sums there
	both   string // SHA-256 of all those lines together; see alike there
	size   int64
	packed []byte   // the same by gzip; nil where that is not worth it
	file   *os.File // has no name any more: it goes with the process
}

func (p *parcel) reader() io.Reader { return io.NewSectionReader(p.file, 0, p.size) }

// parcel packs a release once, whoever asks; others wait. A failure is not
// kept, because it may have been the end of somebody's ctx.
func (t *push) parcel(ctx context.Context, base, version string) (*parcel, error) {
	key := base + " " + version
	for {
		t.mu.Lock()
		p, ok := t.parcels[key]
		if !ok {
			p = &parcel{done: make(chan struct{})}
			t.parcels[key] = p
			t.mu.Unlock()
			p.err = t.pack(ctx, p, base, version)
			if p.err != nil {
				t.mu.Lock()
				delete(t.parcels, key)
				t.mu.Unlock()
			}
			close(p.done)
			return p, p.err
		}
		t.mu.Unlock()
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if p.err == nil || ctx.Err() == nil && !errors.Is(p.err, context.Canceled) {
			return p, p.err
		}
	}
}

// pack fills p. A base that the source does not have any more, or that
// cannot be compared, is no base.
func (t *push) pack(ctx context.Context, p *parcel, base, version string) error {
	entries, err := t.src.Tree(ctx, version)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if top, _, _ := strings.Cut(e.Path, "/"); strings.EqualFold(top, parcelDir) {
			return fmt.Errorf("the name %s is shipit's own", parcelDir)
		}
	}
	var old []release.Entry
	if base != "" {
		old, err = t.src.Tree(ctx, base)
		p.base = err == nil
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	without, with := diff(old, entries)
	p.remove = removal(without, with, old, entries)
	is, err := t.list.manifest(ctx, entries)
	if err != nil {
		return err
	}
	p.sum = sum(is)
	p.names, p.said, p.both = names(is)
	own := map[string]string{"list": is}
	if p.base {
		own = map[string]string{}
		if own["with"], err = t.list.manifest(ctx, with); err != nil {
			return err
		}
		if own["without"], err = t.list.manifest(ctx, without); err != nil {
			return err
		}
	}
	if p.file, err = unnamed(); err != nil {
		return err
	}
	if p.size, err = t.write(ctx, p.file, newDirs(old, with), with, own); err == nil {
		p.packed, err = packed(p.reader(), p.size)
	}
	if err != nil {
		p.file.Close()
	}
	return err
}

// smallParcel is what is sent by gzip: a flight or two fewer are worth more
// than the start of a program. A whole release is not: where many hosts are
// near, their unpacking costs more than a fast link does.
const smallParcel = 256 << 10

// packed is a small parcel by gzip, nil where that saves little.
func packed(r io.Reader, size int64) ([]byte, error) {
	if size > smallParcel {
		return nil, nil
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := copyTo(w, r, nil); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if int64(b.Len()) > size*7/8 {
		return nil, nil
	}
	return b.Bytes(), nil
}

// diff is what must go from old and what must come to make new of it.
func diff(old, new []release.Entry) (without, with []release.Entry) {
	type state struct {
		mode uint32
		oid  string
	}
	was, is := map[string]state{}, map[string]state{}
	for _, e := range old {
		was[e.Path] = state{e.Mode, e.OID}
	}
	for _, e := range new {
		is[e.Path] = state{e.Mode, e.OID}
		if s, ok := was[e.Path]; !ok || s != is[e.Path] {
			with = append(with, e)
		}
	}
	for _, e := range old {
		if s, ok := is[e.Path]; !ok || s != was[e.Path] {
			without = append(without, e)
		}
	}
	return without, with
}

// removal takes away files, directories that the new release lacks, the
// deepest first, and what somebody has planted where new files come. Neither
// that nor what is unpacked then goes through a link that is not the
// release's.
func removal(without, with, old, new []release.Entry) string {
	var b strings.Builder
	write := func(command string, names []string, after string) {
		for chunk := range slices.Chunk(names, 100) {
			b.WriteString(command)
			for _, n := range chunk {
				b.WriteString(" " + remote.Quote(n))
			}
			b.WriteString(after + "\n")
		}
	}
	const changed = ` || again "release $base was changed by hand"`
	dirs := release.Dirs(without)
	gone := paths(without)
	write("real", append(dirs, parcelDir), "")
	write("rm -f --", gone, changed)
	keep := set(release.Dirs(new))
	empty := slices.DeleteFunc(release.Dirs(old), func(d string) bool { return keep[d] })
	slices.SortFunc(empty, func(a, b string) int {
		return cmp.Or(strings.Count(b, "/")-strings.Count(a, "/"), cmp.Compare(a, b))
	})
	for _, d := range empty {
		w := remote.Quote(d)
		// One that shared paths alone had made may be gone already, or never
		// have been there.
		fmt.Fprintf(&b, "[ ! -d %s ] || rmdir -- %s%s\n", w, w, changed)
	}
	passed, was := set(dirs), set(gone)
	write("real", slices.DeleteFunc(release.Dirs(with), func(d string) bool { return passed[d] }), "")
	write("rm -f --", slices.DeleteFunc(paths(with), func(p string) bool { return was[p] }), changed)
	return b.String()
}

// paths are those of entries, directories aside.
func paths(entries []release.Entry) []string {
	var out []string
	for _, e := range entries {
		if !isDir(e) {
			out = append(out, e.Path)
		}
	}
	return out
}

func set(names []string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

func isDir(e release.Entry) bool { return e.Mode == release.ModeDir }

// newDirs are the directories that with needs and old lacks.
func newDirs(old, with []release.Entry) []string {
	have := set(release.Dirs(old))
	return slices.DeleteFunc(release.Dirs(with), func(d string) bool { return have[d] })
}

// write makes the archive and tells its size.
func (t *push) write(ctx context.Context, f *os.File, dirs []string, entries []release.Entry, own map[string]string) (int64, error) {
	buf := bufio.NewWriterSize(f, 256<<10)
	w := tar.NewWriter(buf)
	// GNU's form of long names is the one that every tar reads.
	head := tar.Header{Format: tar.FormatGNU}
	header := func(h tar.Header) error { h.Format = head.Format; return w.WriteHeader(&h) }
	for _, d := range dirs {
		if err := header(tar.Header{Typeflag: tar.TypeDir, Name: d + "/", Mode: 0o755}); err != nil {
			return 0, err
		}
	}
	entries = slices.DeleteFunc(slices.Clone(entries), isDir)
	var oids []string
	for _, e := range entries {
		oids = append(oids, e.OID)
	}
	n := 0
	err := t.src.Blobs(ctx, oids, func(_ string, size int64, r io.Reader) error {
		e := entries[n]
		n++
		switch e.Mode {
		case release.ModeSymlink:
			target, err := io.ReadAll(io.LimitReader(r, 4096))
			if err != nil {
				return err
			}
			return header(tar.Header{Typeflag: tar.TypeSymlink, Name: e.Path, Linkname: string(target), Mode: 0o777})
		case release.ModeExecutable:
			err := header(tar.Header{Typeflag: tar.TypeReg, Name: e.Path, Size: size, Mode: 0o755})
			return copyTo(w, r, err)
		default:
			err := header(tar.Header{Typeflag: tar.TypeReg, Name: e.Path, Size: size, Mode: 0o644})
			return copyTo(w, r, err)
		}
	})
	if err != nil {
		return 0, err
	}
	if err := header(tar.Header{Typeflag: tar.TypeDir, Name: parcelDir + "/", Mode: 0o755}); err != nil {
		return 0, err
	}
	for _, name := range []string{"list", "with", "without"} {
		text, ok := own[name]
		if !ok {
			continue
		}
		err := header(tar.Header{Typeflag: tar.TypeReg, Name: parcelDir + "/" + name, Size: int64(len(text)), Mode: 0o644})
		if err := copyTo(w, strings.NewReader(text), err); err != nil {
			return 0, err
		}
	}
	if err := errors.Join(w.Close(), buf.Flush()); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekCurrent)
}

// copyTo copies unless something was wrong before.
func copyTo(w io.Writer, r io.Reader, err error) error {
	if err == nil {
		_, err = io.Copy(w, r)
	}
	return err
}

// unnamed is a file that nobody else can open and that needs no removal.
func unnamed() (*os.File, error) {
	f, err := os.CreateTemp("", "shipit-parcel-")
	if err != nil {
		return nil, fmt.Errorf("cannot make room for it: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot make room for it: %w", err)
	}
	return f, nil
}
