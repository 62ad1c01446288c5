package trace

import (
	"slices"

	"shipit/exec/event"
)

// A Stream makes the spans of a run that goes on: each is handed out once, when
// nothing can be added to it any more, and then forgotten.
type Stream struct {
	trace Trace
	run   Run
	f     *folder // nil before the first event
	last  event.Event
}

// NewStream is the trace of a run of which nothing is known yet.
func NewStream(r Run) *Stream {
	s := &Stream{run: r}
	s.trace.ID, s.trace.Parent, s.trace.Sampled = ids(r.Run, r.Parent)
	return s
}

// Sampled tells whether who started the run wants its trace to be kept.
func (s *Stream) Sampled() bool { return s.trace.Sampled }

// Take folds what has happened.
func (s *Stream) Take(events ...event.Event) {
	for _, e := range events {
		if s.f == nil {
			s.f = begin(s.run, s.trace.Parent, e.Time)
		}
		s.f.fold(e)
		s.last = e
	}
}

// Ended are the spans that ended since it was asked last; their parents may
// come later.
func (s *Stream) Ended() Trace {
	if s.f == nil {
		return s.trace
	}
	slices.Sort(s.f.ended)
	t := s.give(s.f.ended)
	s.f.ended = nil
	return t
}

// Rest are all other spans, as they stand: of what was cut off, nobody knows
// more. Nothing can be taken after it.
func (s *Stream) Rest() Trace {
	if s.f == nil {
		return s.trace
	}
	all := make([]int, len(s.f.spans))
	for i, span := range s.f.spans {
		all[i] = i
		if span != nil && span.End.IsZero() {
			span.End = s.last.Time
			if i > 0 && s.last.Type != event.RunFinished {
				span.Err = "it was cut off"
			}
		}
	}
	return s.give(all)
}

// give hands out those of the spans that were not yet.
func (s *Stream) give(spans []int) Trace {
	t := s.trace
	for _, i := range spans {
		if span := s.f.spans[i]; span != nil {
			t.Spans, s.f.spans[i] = append(t.Spans, *span), nil
		}
	}
	return t
}
