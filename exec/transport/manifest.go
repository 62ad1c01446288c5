package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"sync"

	"shipit/exec/release"
)

// A lister makes manifests from a repository. It reads each content once,
// however many hosts and releases have it.
type lister struct {
	src Source

	mu   sync.Mutex
	sums map[string]string // SHA-256 of contents, by object id
}

func newLister(src Source) *lister { return &lister{src: src, sums: map[string]string{}} }

// manifest lists entries with their digests; see release.ManifestLine.
func (l *lister) manifest(ctx context.Context, entries []release.Entry) (string, error) {
	if files, ok := l.src.(*release.Files); ok { // which knows them already
		return files.Manifest(entries), nil
	}
	links, err := l.digest(ctx, entries)
	if err != nil {
		return "", err
	}
	lines := make([]string, 0, len(entries))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		is := l.sums[e.OID]
		if e.Mode == release.ModeSymlink {
			is = links[e.OID]
		}
		lines = append(lines, release.ManifestLine(e, is))
	}
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}

// digest learns the digests of contents that are not known yet, and the
// targets of links.
func (l *lister) digest(ctx context.Context, entries []release.Entry) (links map[string]string, err error) {
	var oids []string
	isLink := map[string]bool{}
	asked := map[string]bool{}
	l.mu.Lock()
	for _, e := range entries {
		isLink[e.OID] = isLink[e.OID] || e.Mode == release.ModeSymlink
		if _, known := l.sums[e.OID]; !asked[e.OID] && (!known || e.Mode == release.ModeSymlink) {
			asked[e.OID] = true
			oids = append(oids, e.OID)
		}
	}
	l.mu.Unlock()
	links = map[string]string{}
	err = l.src.Blobs(ctx, oids, func(oid string, size int64, r io.Reader) error {
		h := sha256.New()
		var target strings.Builder
		w := io.Writer(h)
		if isLink[oid] && size <= 4096 {
			w = io.MultiWriter(h, &target)
		}
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
		links[oid] = target.String()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sums[oid] = hex.EncodeToString(h.Sum(nil))
		return nil
	})
	return links, err
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
