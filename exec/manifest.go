package exec

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"shipit/exec/remote"
)

// maxManifest bounds the list of a release's files that a host may send.
const maxManifest = 256 << 20

// Manifest reads on a host what a release there consists of. It changes
// nothing there. Hosts that have the same release have the same list, so one
// of them is enough.
func Manifest(ctx context.Context, f *Fleet, q Question, id string) (string, error) {
	text, err := manifest(ctx, f, q, id)
	if err != nil {
		return "", fmt.Errorf("cannot read the list of release %s on %s: %w", id, q.Host, err)
	}
	return text, nil
}

func manifest(ctx context.Context, f *Fleet, q Question, id string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, observeLimit, fmt.Errorf("no answer within %s", observeLimit))
	defer cancel()
	conn, err := f.Conn(ctx, q.Target)
	if err != nil {
		return "", because(ctx, err)
	}
	packed, plain := "", ""
	err = conn.Run(ctx, remote.Command{
		Name: "observe",
		Steps: []remote.Step{{
			ID: "manifest", Op: "manifest", Args: map[string]string{"path": q.Path, "release": id},
			Shell: manifestShell(q.Path, id),
		}},
		On: func(r remote.Record) {
			switch {
			case r.Kind == remote.Fact && r.Key == "packed":
				packed = r.Text
			case r.Kind == remote.Fact && r.Key == "plain":
				plain = r.Text
			}
		},
	})
	if err != nil || packed == "" {
		return plain, because(ctx, err)
	}
	z, err := gzip.NewReader(bytes.NewReader([]byte(packed)))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxManifest+1))
	if len(text) > maxManifest {
		err = errors.New("it is too long")
	}
	return string(text), err
}

func manifestShell(path, id string) string {
	return fmt.Sprintf(`m=%s/.shipit/manifest/%s
if command -v gzip >/dev/null 2>&1; then gzip -c <"$m" | fact64 packed; else fact64 plain <"$m"; fi
`, remote.QuotePath(path), remote.Quote(id))
}
