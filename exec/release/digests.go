package release

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxDigests bounds what is remembered of a repository: 11 MB.
const maxDigests = 100_000

// Digests are the SHA-256 of contents by their object ids, as far as a run
// before this one learnt them: to read and hash all of a release again is most
// of what a deploy of one changed file costs. Object ids name contents, so
// nothing of it can be out of date. What does not look as it was written is
// forgotten. Who can change the file can change the mirrors beside it, too,
// and a digest that is wrong lets no host accept a release.
func (r *Repo) Digests() map[string]string {
	out := map[string]string{}
	if r.digests == "" {
		return out
	}
	b, err := os.ReadFile(r.digests)
	if err != nil || len(b) < sha256.Size*2+1 {
		return out
	}
	text, check := string(b[:len(b)-sha256.Size*2-1]), string(b[len(b)-sha256.Size*2-1:])
	if check != seal(text) {
		return out
	}
	for line := range strings.Lines(text) {
		if oid, is, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			out[oid] = is
		}
	}
	return out
}

// KeepDigests remembers digests for the next run, in the place of those that
// it had. A place that cannot be written remembers nothing.
func (r *Repo) KeepDigests(digests map[string]string) {
	if r.digests == "" || len(digests) > maxDigests {
		return
	}
	var b strings.Builder
	for _, oid := range slices.Sorted(maps.Keys(digests)) {
		b.WriteString(oid + " " + digests[oid] + "\n")
	}
	b.WriteString(seal(b.String()))
	if err := mkdirPrivate(filepath.Dir(r.digests)); err != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(r.digests), ".digests-")
	if err != nil {
		return
	}
	_, err = f.WriteString(b.String())
	if f.Close() != nil || err != nil || os.Rename(f.Name(), r.digests) != nil {
		os.Remove(f.Name())
	}
}

// seal is the last line of the file: whoever reads half of it knows.
func seal(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]) + "\n"
}

// digestsFile is where the digests of the repository in dir are kept; nowhere
// where there is no cache.
func digestsFile(cacheDir, dir string) string {
	if !filepath.IsAbs(cacheDir) {
		return ""
	}
	return mirrorDir(cacheDir, dir) + ".digests"
}
