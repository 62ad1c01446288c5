package remote

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
)

// A packer makes of scripts what is sent to Exec in a third of their bytes, so
// that each arrives in one flight. The host needs gzip. Scripts of hosts of a
// kind differ in their first line only, which has the nonce: what follows is
// compressed once for all of them.
type packer struct {
	mu      sync.Mutex
	bodies  map[string]*packedBody
	writers sync.Pool // of *gzip.Writer: a new one is a megabyte
}

// A packedBody is a script without its first line, by gzip.
type packedBody struct {
	once sync.Once
	zip  []byte
}

// maxBodies bounds what a packer keeps, where every host has a script of its
// own.
const maxBodies = 32

func (p *packer) pack(script string) []byte {
	head := script[:strings.IndexByte(script, '\n')+1]
	b := p.body(script[len(head):])
	b.once.Do(func() { b.zip = p.zip(script[len(head):]) })
	first := stored(head) // gzip reads one member after the other
	out := make([]byte, 0, 32+len(first)+len(b.zip))
	out = fmt.Appendf(out, "%d %d\n", len(script), len(first)+len(b.zip))
	return append(append(out, first...), b.zip...)
}

// zip is a text by gzip.
func (p *packer) zip(text string) []byte {
	var zip bytes.Buffer
	w, _ := p.writers.Get().(*gzip.Writer)
	if w == nil {
		w = gzip.NewWriter(&zip)
	} else {
		w.Reset(&zip)
	}
	io.WriteString(w, text)
	w.Close()
	p.writers.Put(w)
	return zip.Bytes()
}

func (p *packer) body(text string) *packedBody {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bodies[text]
	if b == nil {
		if p.bodies == nil || len(p.bodies) == maxBodies {
			p.bodies = map[string]*packedBody{}
		}
		b = &packedBody{}
		p.bodies[text] = b
	}
	return b
}

// stored is a short text as a member of a gzip file, not compressed.
func stored(text string) []byte {
	if len(text) > math.MaxUint16 {
		panic("internal error: a first line that is no line")
	}
	b := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1} // the header, and that of the only block
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	b = binary.LittleEndian.AppendUint16(b, ^uint16(len(text)))
	b = append(b, text...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(text)))
	return binary.LittleEndian.AppendUint32(b, uint32(len(text)))
}

// errCut is a script that the host did not read whole, so that nothing ran.
var errCut = errors.New("the script did not arrive whole; nothing ran")

// Unpacks tells whether r's host is known to have gzip.
func Unpacks(r Runner) bool {
	c, ok := r.(interface{ Unpacks() bool })
	return ok && c.Unpacks()
}

// A packing is what is known of a host's gzip.
type packing struct {
	works, fails atomic.Bool
	packer       *packer // of all hosts
}

// run has do send a command packed, unless the host cannot unpack. That it
// cannot is found out by a script which is not whole there, and it is sent
// again: nothing ran, and nothing of the command's was read. A Hold may have
// been, so it waits for somebody else to find out.
func (p *packing) run(cmd Command, do func(wrap func(script string) []byte) error) error {
	plain := func(script string) []byte { return []byte(unpacked(script)) }
	if p.fails.Load() || cmd.Hold != nil && !p.works.Load() {
		return do(plain)
	}
	err := do(p.packer.pack)
	switch {
	case !errors.Is(err, errCut):
		p.works.Store(p.works.Load() || err == nil)
		return err
	case p.works.Load():
		return err // it was cut indeed
	}
	p.fails.Store(true)
	return do(plain)
}
