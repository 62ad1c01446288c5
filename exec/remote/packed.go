package remote

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Packed is Input in a third of its bytes, so that a script arrives in one
// flight. The host needs gzip.
func Packed(c Command, nonce string) string { return pack(Script(c, nonce)) }

func pack(s string) string {
	var b bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	io.WriteString(w, s)
	w.Close()
	return fmt.Sprintf("%d %d\n%s", len(s), b.Len(), b.Bytes())
}

// packers are kept because making one costs more than its work.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}

// errCut is a script that the host did not read whole, so that nothing ran.
var errCut = errors.New("the script did not arrive whole; nothing ran")

// Unpacks tells whether r's host is known to have gzip.
func Unpacks(r Runner) bool {
	c, ok := r.(interface{ Unpacks() bool })
	return ok && c.Unpacks()
}

// A packing is what is known of a host's gzip.
type packing struct{ works, fails atomic.Bool }

// run has do send a command packed, unless the host cannot unpack. That it
// cannot is found out by a script which is not whole there, and it is sent
// again: nothing ran, and nothing of the command's was read. A Hold may have
// been, so it waits for somebody else to find out.
func (p *packing) run(cmd Command, do func(wrap func(script string) string) error) error {
	if p.fails.Load() || cmd.Hold != nil && !p.works.Load() {
		return do(unpacked)
	}
	err := do(pack)
	switch {
	case !errors.Is(err, errCut):
		p.works.Store(p.works.Load() || err == nil)
		return err
	case p.works.Load():
		return err // it was cut indeed
	}
	p.fails.Store(true)
	return do(unpacked)
}
