package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// A batch is what a reader has not seen yet.
type batch struct {
	records *bundle // nil where there are none
	view    *bundle // likewise
	seq     int64   // up to which there is nothing else for this reader
	version int64   // of the newest section
	far     bool    // what comes next is not kept any more: the journal has it
	over    bool
	problem error
	changed <-chan struct{}
}

// A bundle is a message that all readers of a kind get who have seen as much:
// it is encoded once, by the first of them.
type bundle struct {
	records  []record // or
	sections []section
	size     int   // of them, in bytes; 0 where there are none
	to       int64 // the last record, or version, after it

	once sync.Once
	data []byte
}

// A bundleKey says who gets a bundle.
type bundleKey struct {
	viewer
	view bool
	from int64 // the last record, or version, that the reader has
}

// message is the bundle as it is sent.
func (b *bundle) message() []byte {
	b.once.Do(func() {
		if b.sections != nil {
			b.data = messageOf("view", b.sections)
		} else {
			b.data = recordsMessage(b.records, b.to)
		}
		b.records, b.sections = nil, nil
	})
	return b.data
}

// mostOfBatch is how many records one message carries.
const mostOfBatch = 1000

// since is what is new for a reader that has seen so much.
func (d *feed) since(seq, version int64, v viewer) batch {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := batch{seq: seq, version: version, problem: d.problem, changed: d.changed}
	if n := len(d.kept); n > 0 && seq < d.kept[n-1].seq {
		first := d.kept[0].seq
		if b.far = seq+1 < first; !b.far {
			some := d.bundle(bundleKey{viewer: v, from: seq}, func() *bundle { return bundleOf(d.kept[seq+1-first:], v) })
			if b.seq = some.to; some.size > 0 {
				b.records = some
			}
		}
	}
	if b.seq < d.seq {
		return b // sections are about what the reader then has
	}
	b.over = d.over && (d.drawn >= d.seq && !d.stale || d.problem != nil)
	if view := d.views[v]; view != nil {
		some := d.bundle(bundleKey{viewer: v, view: true, from: version}, func() *bundle { return viewOf(view.sections, version) })
		if b.version = some.to; some.size > 0 {
			b.view = some
		}
	}
	return b
}

// bundle is the one for a key, which is made where there is none. They are
// cleared when there is something new; of a run that is over there never is, so
// what they hold is bounded.
func (d *feed) bundle(key bundleKey, fresh func() *bundle) *bundle {
	b := d.bundles[key]
	if b == nil {
		b = fresh()
		if d.bundled += b.size; d.bundled > mostKeptOf {
			clear(d.bundles)
			d.bundled = b.size
		}
		d.bundles[key] = b
	}
	return b
}

// bundleOf takes the first of some records that are for a viewer. They are
// copied, as the feed clears what it forgets.
func bundleOf(records []record, v viewer) *bundle {
	b := &bundle{}
	for _, rec := range records {
		if len(b.records) == mostOfBatch {
			break
		}
		if v.sees(rec.host) {
			b.records, b.size = append(b.records, rec), b.size+len(rec.json)
		}
		b.to = rec.seq
	}
	return b
}

// viewOf takes the sections that are newer than a version.
func viewOf(sections []section, version int64) *bundle {
	b := &bundle{to: version}
	for _, part := range sections {
		if part.version > version {
			b.sections, b.size = append(b.sections, part), b.size+len(part.Name)+len(part.HTML)
			b.to = max(b.to, part.version)
		}
	}
	return b
}

// far sends what a reader missed from the journal itself, as much as is read of
// it at once, and returns the last record that the reader then has.
func (d *feed) far(ctx context.Context, out *sender, seq int64, v viewer) (int64, error) {
	events, err := d.store.Events(ctx, d.run, seq)
	if err != nil {
		return seq, fmt.Errorf("cannot read what was missed: %w", err)
	}
	for some := range slices.Chunk(events, mostOfBatch) {
		var records []record
		for _, e := range some {
			if v.sees(e.Host) {
				records = append(records, recordOf(e))
			}
		}
		if seq = some[len(some)-1].Seq; len(records) > 0 {
			out.write(recordsMessage(records, seq))
			out.flush()
		}
	}
	return seq, nil
}

// recordsMessage is records as they are sent; id is that of the last.
func recordsMessage(records []record, id int64) []byte {
	size := 64
	for _, rec := range records {
		size += len(rec.json) + 1
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	fmt.Fprintf(b, "id: %d\nevent: records\ndata: [", id)
	for i, rec := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(rec.json)
	}
	b.WriteString("]\n\n")
	return b.Bytes()
}

// messageOf is a value as it is sent. The encoder leaves no newline in it.
func messageOf(name string, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, data)
}
