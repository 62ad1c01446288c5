package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"shipit/exec/release"
)

// A lister makes manifests from a repository. It reads each content once,
// however many hosts and releases have it, and none that the last run read.
type lister struct {
	src  Source
	once sync.Once // for sums to be what the last run knew

	mu   sync.Mutex
	sums map[string]string // SHA-256 of contents, by object id
	used map[string]string // those of sums that this run needed
}

// A memory is a Source that remembers digests from one run to the next.
type memory interface {
	Digests() map[string]string
	KeepDigests(digests map[string]string)
}

func newLister(src Source) *lister {
	return &lister{src: src, sums: map[string]string{}, used: map[string]string{}}
}

// remember begins with what the last run knew.
func (l *lister) remember() {
	if m, ok := l.src.(memory); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		maps.Copy(l.sums, m.Digests())
	}
}

// keep leaves what this run used to the next one, so that what is remembered
// grows with the releases of a run and not with time. mu is held.
func (l *lister) keep() {
	if m, ok := l.src.(memory); ok {
		m.KeepDigests(l.used)
	}
}

// manifest lists entries with their digests; see release.ManifestLine.
func (l *lister) manifest(ctx context.Context, entries []release.Entry) (string, error) {
	if files, ok := l.src.(*release.Files); ok { // which knows them already
		return files.Manifest(entries), nil
	}
	l.once.Do(l.remember)
	links, learnt, err := l.digest(ctx, entries)
	if err != nil {
		return "", err
	}
	lines := make([]string, 0, len(entries))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		is := l.sums[e.OID]
		l.used[e.OID] = is
		if e.Mode == release.ModeSymlink {
			is = links[e.OID]
		}
		lines = append(lines, release.ManifestLine(e, is))
	}
	if learnt {
		l.keep()
	}
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}

// digest learns the digests of contents that are not known yet, and the
// targets of links.
func (l *lister) digest(ctx context.Context, entries []release.Entry) (links map[string]string, learnt bool, err error) {
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
		is := hex.EncodeToString(h.Sum(nil))
		learnt = learnt || l.sums[oid] != is
		l.sums[oid] = is
		return nil
	})
	return links, learnt, err
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// names are the digests of what a host finds of a release without looking
// into its manifest: listed is that of the shell function listing, said that
// of what openssl says of its files, both of the two together. listed and both
// are "" where the manifest names directories, which listing does not.
func names(manifest string) (listed, said, both string) {
	var lines, digests []string
	dirs := false
	for line := range strings.Lines(manifest) {
		line = strings.TrimSuffix(line, "\n")
		switch kind, rest, _ := strings.Cut(line, " "); kind {
		case "d":
			dirs = true
		case "l":
			lines = append(lines, line)
		default:
			is, path, _ := strings.Cut(rest, "  ")
			lines = append(lines, kind+" "+path)
			digests = append(digests, is+" *./"+path)
		}
	}
	digest := func(lines []string) string {
		slices.Sort(lines)
		return sum(strings.Join(append(lines, ""), "\n"))
	}
	if said = digest(digests); dirs {
		return "", said, ""
	}
	return digest(lines), said, digest(slices.Concat(lines, digests))
}
