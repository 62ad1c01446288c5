package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// OpenCached is Open without any network: a repository that is reached by a
// URL is as it was when it was last used, and missing before.
func OpenCached(ctx context.Context, repo, cacheDir string) (*Repo, error) {
	if !isURL(repo) {
		return Open(ctx, repo, cacheDir)
	}
	dir := mirrorDir(cacheDir, repo)
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("cannot open the copy of %s: %w", withoutPassword(repo), err)
	}
	return &Repo{name: withoutPassword(repo), dir: dir, bare: true, url: repo}, nil
}

// mirrorDir is where the copy of a repository is kept.
func mirrorDir(cacheDir, url string) string {
	sum := sha256.Sum256([]byte(url))
	return filepath.Join(cacheDir, hex.EncodeToString(sum[:12]))
}
