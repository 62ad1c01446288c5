package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"shipit/exec/remote"
	"shipit/lang"
)

// A push sends a release, from the repository or from a directory or an
// archive here, over the connection that is there: all of it to a
// host that has none, and else only the files whose contents differ from a
// release on the host, beside hard links to the rest. What is sent is built
// once for all hosts that have the same base.
type push struct {
	src    Source
	list   *lister
	shared []string

	mu      sync.Mutex
	parcels map[string]*parcel // by the versions of base and release
}

func newPush(s lang.Spec, src Source) (Transport, error) {
	return &push{src: src, list: newLister(src), shared: s.List("shared"), parcels: map[string]*parcel{}}, nil
}

func (t *push) Step(ctx context.Context, d Delivery) (remote.Step, io.Reader, int64, error) {
	base, version := d.Base.Commit, d.Release.Commit
	if d.Release.Digest != "" { // the commit does not say what is in it
		base, version = d.Base.ID, d.Release.Digest
	}
	p, err := t.parcel(ctx, base, version)
	if err != nil {
		return remote.Step{}, nil, 0, fmt.Errorf("cannot pack release %s: %w", d.Release.Tag, err)
	}
	fill := fmt.Sprintf("names=%s said=%s both=%s\n", p.names, p.said, p.both)
	if p.base {
		fill += fmt.Sprintf("base=%s want=%s\n", remote.Quote(d.Base.ID), p.sum) + fillBase +
			unshare(t.shared) + "cd -- \"$in\"\n" + p.remove + fillChanged
	} else {
		fill += fillAll
	}
	step := remote.Step{ID: "stage", Op: "stage", Args: stageArgs(d)}
	before, after, data, size := "", "", p.reader(), p.size
	switch {
	case d.Serve == nil && d.From == nil && d.Unpacks && p.packed != nil:
		before, data, size = "gz=z\n", bytes.NewReader(p.packed), int64(len(p.packed))
	case d.Serve != nil:
		before, after = d.Serve.serve()
	case d.From != nil:
		sum, err := p.digest()
		if err != nil {
			return step, nil, 0, fmt.Errorf("cannot read release %s again: %w", d.Release.Tag, err)
		}
		text := ""
		if before, text, err = d.From.fetch(sum); err != nil {
			return step, nil, 0, fmt.Errorf("cannot fetch from %s: %w", d.From.info.Address, err)
		}
		data, size = strings.NewReader(text), int64(len(text))
	}
	step.Shell = open(d) + "begin\n" + before + fill + shared(t.shared) + "settle\n" + after
	return step, data, size, nil
}

// What is sent is a tar archive of files and, beside them in .shipit-parcel,
// the manifest or how it differs from the base's. tar takes neither owner nor
// time from it (-o -m).
const (
	fillAll = `mkdir -- "$in"
(cd -- "$in" && unpack)
mv -- "$in/.shipit-parcel/list" "$list"
rm -rf -- "$in/.shipit-parcel" "$in.out"
alike "$in" "$both" || { same "$in" "$list" "$names" && sums "$in" "$list" "$said"; } || die "the release did not arrive as it was sent"
`
	// fillBase copies the base by hard links. The copy may be anything: it
	// is looked at when it has become the release.
	fillBase = `again() { echo "$1; all of the release must be sent"; exit 66; }
complete "$base" || again "release $base is not complete any more"
cp -al -- "$p/releases/$base" "$in"
# real DIR…: none of these is a link that would lead what follows elsewhere.
real() { for _d; do [ ! -L "./$_d" ] || again "release $base was changed by hand"; done; }
`
	// fillChanged follows the commands that remove what differs, so that
	// nothing is ever written through a link to a file of the base.
	fillChanged = `unpack
cd - >/dev/null
parcel=$in/.shipit-parcel
comm -23 "$p/.shipit/manifest/$base" "$parcel/without" | sort -m - "$parcel/with" >"$list"
rm -rf -- "$parcel" "$in.out"
[ "$(sha256sum <"$list")" = "$want  -" ] || again "release $base is not the commit that its name says"
alike "$in" "$both" || { same "$in" "$list" "$names" && sums "$in" "$list" "$said"; } || again "release $base has other contents than it should"
`
)

// unshare takes the links to shared paths out of a copy of a release.
func unshare(paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "unshare %s\n", remote.Quote(path.Clean(p)))
	}
	return b.String()
}
