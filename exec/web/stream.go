package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"shipit/lang/diag"
)

const (
	writeWithin = 10 * time.Second // a message, or the reader is dropped and resumes
	aliveEvery  = 15 * time.Second // a comment, so that a dead connection is found
)

// stream sends a run's records and sections as they come. The id of a message
// is the number of its last record, which a reader that was away brings back.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		s.fail(w, r, http.StatusServiceUnavailable, "Too many browsers are following runs here.")
		return
	}
	seq, err := position(r)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, "The number of a record is a whole number.")
		return
	}
	run, _, err := s.o.Runs.Find(r.Context(), r.PathValue("run"))
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	d := s.feeds.joined(run)
	if d == nil {
		run, store, p, err := s.find(r)
		if err != nil {
			s.cannot(w, r, err)
			return
		}
		d = s.feeds.join(run, store, p)
	}
	defer s.feeds.leave(d)
	v := viewer{host: r.URL.Query().Get("host"), deploys: who(r).deploys}
	if v.host != "" && d.told.plan.Host(v.host) == nil {
		s.fail(w, r, http.StatusNotFound, "Run "+run+" has no host "+v.host+".")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would collect it
	out := &sender{w: w, c: http.NewResponseController(w)}
	out.text("retry: 1000\n\n")
	s.pump(r, d, v, out, seq)
}

// position is the record that the reader has seen last.
func position(r *http.Request) (int64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return max(n, 0), err
}

// pump sends until the reader is gone or the run is over.
func (s *Server) pump(r *http.Request, d *feed, v viewer, out *sender, seq int64) {
	version, told := int64(0), ""
	defer d.look(v)()
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for out.failed == nil {
		b := d.since(seq, version, v)
		if b.far {
			to, err := d.far(r.Context(), out, seq, v)
			if err != nil {
				out.message("problem", problemOf(err))
				return
			}
			if to > seq {
				seq = to
				continue
			}
		}
		out.bundle(b.records)
		out.bundle(b.view)
		out.flush()
		behind := b.seq > seq && b.view == nil // perhaps there is more at once
		if seq, version = b.seq, b.version; behind {
			continue
		}
		if text := problemOf(b.problem); text != told {
			if told = text; text != "" {
				out.message("problem", text)
			}
		}
		if b.over {
			if b.problem == nil {
				out.message("end", seq)
			}
			return
		}
		select {
		case <-b.changed:
		case <-r.Context().Done():
			return
		case <-alive.C:
			out.text(fmt.Sprintf("id: %d\n: still here\n\n", seq)) // of a host, there may be nothing new for long
		}
	}
}

// problemOf is why a run cannot be read, "" where it can.
func problemOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "The server ends."
	}
	return diag.CleanLine(err.Error())
}

// A sender writes messages, each within its time.
type sender struct {
	w      http.ResponseWriter
	c      *http.ResponseController
	waits  bool // something was written and not sent
	failed error
}

func (o *sender) text(text string) {
	o.write([]byte(text))
	o.flush()
}

// message sends a value.
func (o *sender) message(name string, v any) {
	o.write(messageOf(name, v))
	o.flush()
}

// bundle writes what others get, too, where there is something.
func (o *sender) bundle(b *bundle) {
	if b != nil {
		o.write(b.message())
	}
}

func (o *sender) write(data []byte) {
	if o.failed != nil {
		return
	}
	// A writer without deadlines, as of tests, has none to miss.
	_ = o.c.SetWriteDeadline(time.Now().Add(writeWithin))
	_, o.failed = o.w.Write(data)
	o.waits = true
}

// flush sends what was written.
func (o *sender) flush() {
	if o.waits && o.failed == nil {
		o.failed = o.c.Flush()
	}
	o.waits = false
}
