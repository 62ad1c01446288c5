// Package transport knows the ways in which the bytes of a release reach a
// host.
//
// A kind makes the stage step of one host: shell that the host runs, and the
// data that it reads. Whatever the kind, a release is put together in
// .shipit/incoming-<run>, verified there against a list of all its files,
// and appears under releases/ by one rename, with the list kept as
// .shipit/manifest/<id>. A release without its list is not complete. All of
// it belongs to the login user and is world-readable (umask 022), whoever
// runs the service: a service that can write its own code is a hazard.
package transport

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"shipit/exec/release"
	"shipit/exec/remote"
	"shipit/lang"
)

// A Release is a version of the service as a transport needs it.
type Release struct {
	ID     string // of its directory
	Tag    string
	Commit string
	Tree   string // of the commit; "" where nobody has asked git
	Digest string // of a release from a directory or an archive: what it is
}

// A Delivery is a release on its way to one host.
type Delivery struct {
	Run     string
	Path    string // the service's directory on the host
	Repo    string
	Release Release
	Base    Release // one that the host has, to send only the difference; ID "" is none
	Labels  map[string]string
	Within  time.Duration
	Unpacks bool   // the host has gzip
	Serve   *Relay // this host is to be the relay; push only
	From    *Relay // it fetches from that one
}

// A Transport makes the stage step of a delivery. The reader, if any, is the
// Data of the step's command, of exactly size bytes, and is read once.
type Transport interface {
	Step(ctx context.Context, d Delivery) (s remote.Step, data io.Reader, size int64, err error)
}

// NeedAll is the exit status of a stage step that was sent a difference and
// found that its base is not what it should be: nothing was changed, and a
// delivery without a Base will do.
const NeedAll = 66

// A Source is what releases come from: a *release.Repo, whose versions are
// commits, or *release.Files.
type Source interface {
	Tree(ctx context.Context, version string) ([]release.Entry, error)
	Blobs(ctx context.Context, oids []string, fn func(oid string, size int64, r io.Reader) error) error
}

// A kind is a row of the table.
type kind struct {
	new      func(s lang.Spec, src Source) (Transport, error)
	programs []string // that a host must have
}

// kinds is the table: a new kind is one file and one line here.
var kinds = map[string]kind{
	"git":   {newGit, []string{"git", "find", "sort"}},
	"push":  {newPush, []string{"tar", "find", "sort", "comm"}},
	"http":  {newHTTP, []string{"curl|wget", "tar", "find", "sort"}},
	"rsync": {newRsync, []string{"rsync", "find", "sort"}},
}

// New makes the transport of a kind from what the definition says of it.
func New(name string, spec map[string]any, src Source) (Transport, error) {
	k, ok := kinds[name]
	if !ok {
		return nil, fmt.Errorf("there is no transport %q", name)
	}
	return k.new(lang.Spec{Kind: name, Attrs: spec}, src)
}

// Programs are what a host must have for a transport.
func Programs(name string) []string { return slices.Clone(kinds[name].programs) }

//go:embed stage.sh
var stageSource string

var stageScript = remote.Code(stageSource)

// open begins every stage script; what follows may rely on stage.sh.
func open(d Delivery) string {
	return fmt.Sprintf("p=%s run=%s id=%s commit=%s secs=%d\n%s", remote.QuotePath(strings.TrimRight(d.Path, "/")),
		remote.Quote(d.Run), remote.Quote(d.Release.ID), remote.Quote(d.Release.Commit), seconds(d.Within), stageScript)
}

// shared links the paths that live across releases into the new one.
func shared(paths []string) string {
	var b strings.Builder
	for _, p := range slices.Sorted(slices.Values(paths)) {
		p = path.Clean(p)
		up := strings.Repeat("../", 2+strings.Count(p, "/"))
		fmt.Fprintf(&b, "shared %s %s\n", remote.Quote(p), remote.Quote(up+"shared/"+p))
	}
	return b.String()
}

// stageArgs are what a simulated host acts a stage step out from.
func stageArgs(d Delivery) map[string]string {
	return map[string]string{"path": d.Path, "release": d.Release.ID, "tag": d.Release.Tag, "commit": d.Release.Commit}
}

func seconds(d time.Duration) int {
	if d <= 0 {
		d = 10 * time.Minute
	}
	return int((d + time.Second - 1) / time.Second)
}
