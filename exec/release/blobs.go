package release

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Blobs reads the contents of files in the order of their object ids, all by
// one process. fn may leave contents unread; its error ends the reading.
func (r *Repo) Blobs(ctx context.Context, oids []string, fn func(oid string, size int64, rd io.Reader) error) error {
	if len(oids) == 0 {
		return nil
	}
	for _, oid := range oids {
		if err := checkCommit(oid); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rd, wr := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := stream(ctx, networkLimit, r.dir, strings.NewReader(strings.Join(oids, "\n")+"\n"), wr,
			"cat-file", "--batch", "--buffer")
		wr.CloseWithError(err) // nil is io.EOF
		ended <- err
	}()
	err := readBlobs(bufio.NewReaderSize(rd, 64<<10), oids, fn)
	rd.CloseWithError(errStopped)
	cancel()
	gitErr := <-ended
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF) && gitErr != nil:
		return gitErr
	}
	return err
}

// errStopped tells the writing side that nobody reads any more.
var errStopped = errors.New("stopped")

func readBlobs(rd *bufio.Reader, oids []string, fn func(oid string, size int64, rd io.Reader) error) error {
	for _, oid := range oids {
		header, err := rd.ReadString('\n')
		if err != nil {
			return unexpected(err)
		}
		// "oid type size", or "oid missing"
		f := strings.Fields(header)
		if len(f) != 3 || f[1] != "blob" {
			return fmt.Errorf("cannot read the object %.12s: git cat-file says %q", oid, strings.TrimSpace(header))
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return fmt.Errorf("cannot read the object %.12s: git cat-file says %q", oid, strings.TrimSpace(header))
		}
		contents := &io.LimitedReader{R: rd, N: size}
		if err := fn(oid, size, contents); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, rd, contents.N+1); err != nil { // and a newline
			return unexpected(err)
		}
	}
	return nil
}

// unexpected is err for a place where the output must not end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
