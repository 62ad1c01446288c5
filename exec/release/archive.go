package release

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// What an archive may come to. The ratio is far above what code, text and
// binaries reach, and holds only once there is something to lose.
const (
	maxEntries = 1 << 20
	maxBytes   = 64 << 30
	maxRatio   = 200
	freeBytes  = 64 << 20
)

// openArchive reads an archive into a file that has no name, so that its
// contents can be read again in any order, and in no memory.
func openArchive(ctx context.Context, name, file string, strip int) (*Files, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	spool, err := os.CreateTemp("", "shipit-archive-")
	if err != nil {
		return nil, fmt.Errorf("cannot make room for it: %w", err)
	}
	if err := os.Remove(spool.Name()); err != nil {
		spool.Close()
		return nil, fmt.Errorf("cannot make room for it: %w", err)
	}
	u := &unpacking{
		ctx: ctx, spool: bufio.NewWriterSize(spool, 256<<10), strip: strip, size: before.Size(),
		at: map[string]int64{}, sizes: map[string]int64{}, files: map[string]Entry{},
		found: finding{links: map[string]string{}},
	}
	err = u.read(f, before.Size())
	if err == nil {
		err = errors.Join(u.spool.Flush(), caseConflict(u.found.entries))
	}
	if after, statErr := os.Stat(file); err == nil && (statErr != nil || !os.SameFile(before, after) ||
		after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())) {
		err = changedError(file)
	}
	var out *Files
	if err == nil {
		out, err = u.found.files(name)
	}
	if err != nil {
		spool.Close()
		return nil, err
	}
	out.open = func(oid string) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(spool, u.at[oid], u.sizes[oid])), nil
	}
	out.close = spool.Close
	return out, nil
}

// read finds out by its first bytes what an archive is.
func (u *unpacking) read(f *os.File, size int64) error {
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	in := bufio.NewReaderSize(f, 256<<10)
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case begins("\x1f\x8b"):
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		return u.tar(z)
	case begins("\x28\xb5\x2f\xfd"):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return err
		}
		defer z.Close()
		return u.tar(z)
	case begins("BZh"):
		return u.tar(bzip2.NewReader(in))
	case begins("PK\x03\x04"):
		return u.zip(f, size)
	case len(head) == 512 && string(head[257:262]) == "ustar":
		return u.tar(in)
	}
	return errors.New("it is no archive that shipit reads: tar, tar.gz, tar.zst, tar.bz2 or zip")
}

// An unpacking is an archive that is being read. Nothing that it says is
// believed.
type unpacking struct {
	ctx   context.Context
	strip int
	size  int64 // of the archive
	found finding
	files map[string]Entry // by the whole name, for hard links

	spool     *bufio.Writer
	written   int64
	at, sizes map[string]int64 // of contents in the spool, by object id
}

// entry takes in a member. Content is read for files only.
func (u *unpacking) entry(name string, mode fs.FileMode, link string, content io.Reader) error {
	if err := context.Cause(u.ctx); err != nil {
		return err
	}
	if len(u.found.entries)+len(u.found.dirs) >= maxEntries {
		return fmt.Errorf("it has more than %d names", maxEntries)
	}
	full, err := cleanName(name)
	if err != nil {
		return err
	}
	if err := checkMode(full, mode); err != nil {
		return err
	}
	short, ok := u.stripped(full)
	if !ok && !mode.IsDir() {
		return fmt.Errorf("%q has no %d leading directories to strip", name, u.strip)
	}
	switch {
	case mode.IsDir() && (!ok || short == ""):
		return nil // the release itself, or above it
	case mode.IsDir():
		u.found.dirs = append(u.found.dirs, short)
	case mode&fs.ModeSymlink != 0:
		u.found.links[short] = link
		u.add(full, Entry{short, ModeSymlink, digestOf(link), int64(len(link))})
	default:
		oid, size, err := u.content(content)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		u.add(full, Entry{short, fileMode(mode), oid, size})
	}
	return nil
}

// hardLink takes in a second name of a file that the archive had before.
func (u *unpacking) hardLink(name, to string) error {
	full, err := cleanName(name)
	if err != nil {
		return err
	}
	target, err := cleanName(to)
	if err != nil {
		return fmt.Errorf("the hard link %q: %w", name, err)
	}
	e, ok := u.files[target]
	if !ok || e.Mode == ModeSymlink {
		return fmt.Errorf("the hard link %q leads to %q, which is no file before it in the archive", name, to)
	}
	short, ok := u.stripped(full)
	if !ok {
		return fmt.Errorf("%q has no %d leading directories to strip", name, u.strip)
	}
	e.Path = short
	u.add(full, e)
	return nil
}

func (u *unpacking) add(full string, e Entry) {
	u.files[full] = e
	u.found.entries = append(u.found.entries, e)
}

// cleanName is a member's name without what tar puts around it: "./" and the
// slash of a directory. "" is the directory of all.
func cleanName(name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("the name %q is absolute", name)
	}
	clean := strings.TrimSuffix(name, "/")
	for strings.HasPrefix(clean, "./") {
		clean = strings.TrimPrefix(clean, "./")
	}
	if clean == "." || clean == "" {
		return "", nil
	}
	return clean, checkName(clean)
}

// stripped is a name without its leading directories, if it has that many.
func (u *unpacking) stripped(name string) (string, bool) {
	for range u.strip {
		var ok bool
		if _, name, ok = strings.Cut(name, "/"); !ok {
			return "", false
		}
	}
	return name, true
}

// content copies a file into the spool.
func (u *unpacking) content(r io.Reader) (oid string, size int64, err error) {
	h := sha256.New()
	begin := u.written
	if _, err := io.Copy(h, io.TeeReader(r, u)); err != nil {
		return "", 0, err
	}
	oid, size = hex.EncodeToString(h.Sum(nil)), u.written-begin
	u.at[oid], u.sizes[oid] = begin, size
	return oid, size, nil
}

// Write adds to the spool, and ends what unpacks to more than it can mean.
func (u *unpacking) Write(b []byte) (int, error) {
	u.written += int64(len(b))
	switch {
	case u.written > maxBytes:
		return 0, fmt.Errorf("the archive unpacks to more than %d GiB", maxBytes>>30)
	case u.written > freeBytes && u.written > maxRatio*u.size:
		return 0, fmt.Errorf("the archive unpacks to more than %d times its size", maxRatio)
	}
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.spool.Write(b)
}

// caseConflict finds two names that differ in case only, of which one is a
// link or a file and the other leads through it: on a file system that
// ignores case the second would go where the first points.
func caseConflict(entries []Entry) error {
	files := map[string]string{}
	for _, e := range entries {
		if e.Mode != ModeDir {
			files[strings.ToLower(e.Path)] = e.Path
		}
	}
	for _, e := range entries {
		for d := path.Dir(e.Path); d != "."; d = path.Dir(d) {
			if is, ok := files[strings.ToLower(d)]; ok && is != d {
				return fmt.Errorf("%q and %q differ in case only", is, d)
			}
		}
	}
	return nil
}
