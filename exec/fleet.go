package exec

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"shipit/exec/fault"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

// A Fleet holds one connection per host for as long as a run lasts, from the
// plan's first question to the last check of apply. A host that could not be
// dialled stays so for the Fleet's life: a dead host costs its deadline once.
type Fleet struct {
	dialer remote.Dialer
	limit  time.Duration // of a dial
	mu     sync.Mutex
	conns  map[string]*dial // by host name
	closed bool
}

// A dial is one attempt to connect that everybody who asks for the host
// shares.
type dial struct {
	done   chan struct{}
	cancel context.CancelFunc
	conn   remote.Conn
	err    error
}

// dialLimit bounds a dial from the first packet to the login, where the
// dialer does not say that its own deadlines, one a hop, add up to more.
const dialLimit = 20 * time.Second

var errClosed = errors.New("the connections of this run are closed")

// NewFleet makes a Fleet that connects with d.
func NewFleet(d remote.Dialer) *Fleet {
	f := &Fleet{dialer: d, limit: dialLimit, conns: map[string]*dial{}}
	if l, ok := d.(interface{ Limit() time.Duration }); ok {
		f.limit = max(f.limit, l.Limit())
	}
	return f
}

// lost tells whether d's connection went away since: behind a firewall that
// forgets, or with a plan that somebody read for an hour.
func (d *dial) lost() bool {
	select {
	case <-d.done:
	default:
		return false
	}
	c, ok := d.conn.(interface{ Lost() bool })
	return ok && c.Lost()
}

// Conn gives the host's connection, dialling on the first call, and again
// where the connection was lost: who asks for it has not begun anything. A caller
// whose ctx ends stops waiting; the dial goes on for the others until the
// dialer's own deadline.
func (f *Fleet) Conn(ctx context.Context, t remote.Target) (remote.Conn, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errClosed
	}
	d, ok := f.conns[t.Name]
	if ok && d.lost() {
		d.conn.Close()
		ok = false
	}
	if !ok {
		dialing, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.limit)
		d = &dial{done: make(chan struct{}), cancel: cancel}
		f.conns[t.Name] = d
		go f.dial(dialing, d, t)
	}
	f.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		select {
		case <-d.done: // both: the answer is worth more
			return d.conn, d.err
		default:
		}
		return nil, ctx.Err()
	}
}

// fresh dials the host anew: a connection of the caller's own, which proves
// that the host can still be reached.
func (f *Fleet) fresh(ctx context.Context, t remote.Target) (remote.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, f.limit)
	defer cancel()
	return f.dialer.Dial(ctx, t)
}

func (f *Fleet) dial(ctx context.Context, d *dial, t remote.Target) {
	defer d.cancel()
	fault.At(fault.DialBefore)
	conn, err := f.dialer.Dial(ctx, t)
	fault.At(fault.DialAfter)
	f.mu.Lock()
	if err == nil && f.closed {
		conn.Close()
		conn, err = nil, errClosed
	}
	d.conn, d.err = conn, err
	f.mu.Unlock()
	close(d.done)
}

// Close closes all connections and ends the dials that are on their way.
func (f *Fleet) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	for _, d := range f.conns {
		d.cancel()
		if d.conn != nil {
			d.conn.Close()
		}
	}
}

// TargetOf says how to reach a host of a plan, whose definition lies in the
// directory dir and is called file below its repository.
func TargetOf(h plan.Host, dir, file string) remote.Target {
	return target(h.Name, h.Address, h.Port, h.SSH, dir, file)
}

// TargetOfHost is TargetOf for a host of a definition.
func TargetOfHost(h lang.Host, dir, file string) remote.Target {
	t := target(h.Name, h.Address, h.Port, h.SSH, dir, file)
	if h.Range.File != "" {
		t.At = fmt.Sprintf("%s:%d", h.Range.File, h.Range.Start.Line)
	}
	return t
}

func target(name, address string, port int, ssh lang.SSH, dir, file string) remote.Target {
	t := remote.Target{
		Name: name, Address: address, Port: port,
		User: ssh.User, Jump: ssh.Jump, Identity: ssh.Identity, Via: ssh.Via, Legacy: ssh.Legacy,
	}
	if ssh.KnownHosts != "" { // named from the repository's root
		root := filepath.Join(dir, strings.Repeat("../", strings.Count(path.Clean(file), "/")))
		t.KnownHosts = []string{inside(root, ssh.KnownHosts)}
	}
	// An identity that is neither absolute nor in the home directory is the
	// public half that the repository carries.
	if id := ssh.Identity; id != "" && !filepath.IsAbs(id) && !strings.HasPrefix(id, "~") {
		t.Identity = inside(dir, id)
	}
	return t
}

// inside is the file at p below dir. Cleaning as an absolute path keeps it
// there whatever p says.
func inside(dir, p string) string {
	return filepath.Join(dir, filepath.FromSlash(path.Clean("/"+p)))
}
