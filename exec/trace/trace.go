// Package trace makes the journal of a run a trace: a tree of spans, run >
// slice > host > phase > step, in the sense of OpenTelemetry. The ids of spans
// follow from the run's id, so that a journal that is read twice, or by the
// process that resumed the run, gives the same trace.
package trace

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"shipit/exec/event"
)

// A Run is what the header of a journal says of a run.
type Run struct {
	Run, Service, Env, Release, Kind, By string
	Began                                time.Time // before it waited for its locks
	Parent                               string    // a traceparent of whoever started it, or ""
}

// A Trace is a finished run, or a part of one that goes on.
type Trace struct {
	ID      [16]byte
	Parent  [8]byte // the span of whoever started the run; zero where there is none
	Sampled bool    // the parent wants the trace to be kept
	Spans   []Span  // parents come before their children, where both are in it
}

// A Span is a part of a run.
type Span struct {
	ID, Parent [8]byte
	Name       string
	Start, End time.Time
	Attrs      []Attr
	Err        string // why it did not end well; "" where it did
}

// An Attr is a fact about a span.
type Attr struct{ Key, Value string }

// ids gives the trace of a run and the span that stands above it.
func ids(run, parent string) (trace [16]byte, above [8]byte, sampled bool) {
	sum := sha256.Sum256([]byte("shipit " + run))
	trace = [16]byte(sum[:16])
	t, s, flags, ok := parse(parent)
	if !ok {
		return trace, above, true
	}
	return t, s, flags&1 == 1
}

// parse reads a traceparent as the W3C describes it.
func parse(text string) (trace [16]byte, span [8]byte, flags byte, ok bool) {
	f := strings.Split(text, "-")
	if len(f) < 4 || len(f[0]) != 2 || f[0] == "ff" || f[0] == "00" && len(f) != 4 || text != strings.ToLower(text) {
		return trace, span, 0, false
	}
	var v, g [1]byte
	for i, into := range [][]byte{v[:], trace[:], span[:], g[:]} {
		if n, err := hex.Decode(into, fit(f[i], len(into))); err != nil || n != len(into) {
			return trace, span, 0, false
		}
	}
	return trace, span, g[0], trace != [16]byte{} && span != [8]byte{}
}

// fit is text if it has the digits of n bytes.
func fit(text string, n int) []byte {
	if len(text) != 2*n {
		return nil
	}
	return []byte(text)
}

// Parent tells whether text is the traceparent of a span.
func Parent(text string) bool {
	_, _, _, ok := parse(text)
	return ok
}

// Context is the traceparent that what a run starts gets: the run's own span.
func Context(run, parent string) string {
	trace, _, sampled := ids(run, parent)
	span, flags := spanID(run, ""), "00"
	if sampled {
		flags = "01"
	}
	return "00-" + hex.EncodeToString(trace[:]) + "-" + hex.EncodeToString(span[:]) + "-" + flags
}

// spanID is that of the span at a path below the run.
func spanID(run, path string) [8]byte {
	sum := sha256.Sum256([]byte("shipit " + run + " " + path))
	return [8]byte(sum[8:16])
}

// Of is the trace of a run with these events.
func Of(r Run, events []event.Event) Trace {
	s := NewStream(r)
	s.Take(events...)
	return s.Rest()
}

// attrs are the pairs that say something.
func attrs(pairs ...string) []Attr {
	var out []Attr
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, Attr{pairs[i], pairs[i+1]})
		}
	}
	return out
}
