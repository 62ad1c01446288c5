package release

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// tar reads a tar archive to its end.
func (u *unpacking) tar(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("cannot read the archive: %w", err)
		}
		mode := h.FileInfo().Mode()
		switch h.Typeflag {
		case tar.TypeLink:
			err = u.hardLink(h.Name, h.Linkname)
		case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeGNUSparse, tar.TypeCont:
			err = u.entry(h.Name, mode, h.Linkname, t)
		case tar.TypeXGlobalHeader:
		case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
			err = fmt.Errorf("%q is a device or a pipe; a release can only have files, directories and links", h.Name)
		default:
			err = fmt.Errorf("%q is of a kind that is no part of a release (%q)", h.Name, h.Typeflag)
		}
		if err != nil {
			return err
		}
	}
	// What follows the end belongs to the compression, whose checksum comes last.
	if _, err := io.Copy(&padding{}, r); err != nil {
		return fmt.Errorf("cannot read the archive: %w", err)
	}
	return nil
}

// padding takes what follows the last member: zeros, and not many.
type padding struct{ n int64 }

func (p *padding) Write(b []byte) (int, error) {
	if p.n += int64(len(b)); p.n > 1<<20 {
		return 0, errors.New("more follows its end")
	}
	for _, c := range b {
		if c != 0 {
			return 0, errors.New("something follows its end")
		}
	}
	return len(b), nil
}

// zip reads a zip archive.
func (u *unpacking) zip(f *os.File, size int64) error {
	z, err := zip.NewReader(f, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are judged below
		return fmt.Errorf("cannot read the archive: %w", err)
	}
	for _, m := range z.File {
		if err := u.member(m); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) member(m *zip.File) error {
	mode := m.Mode()
	if mode.IsDir() {
		return u.entry(m.Name, mode, "", nil)
	}
	r, err := m.Open()
	if err != nil {
		return fmt.Errorf("cannot read %q in the archive: %w", m.Name, err)
	}
	defer r.Close()
	if mode&fs.ModeSymlink == 0 {
		return u.entry(m.Name, mode, "", r)
	}
	target, err := io.ReadAll(io.LimitReader(r, 4097))
	if err != nil {
		return fmt.Errorf("cannot read %q in the archive: %w", m.Name, err)
	}
	if len(target) > 4096 {
		return fmt.Errorf("the link %q has a target of more than 4096 bytes", m.Name)
	}
	return u.entry(m.Name, mode, string(target), nil)
}
