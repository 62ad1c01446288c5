package exec

import (
	"fmt"

	"shipit/exec/event"
	"shipit/exec/fault"
)

// A batchSink is a journal that makes several events safe in one go, which
// costs no more than one.
type batchSink interface {
	AppendAll([]event.Event) error
}

// announce writes events before what they announce begins. After an error it
// must not begin.
func (r *run) announce(events ...event.Event) error {
	events = append(r.wasPrinted(r.now(), false), events...)
	r.stamp(events)
	if err := r.append(events); err != nil {
		return err
	}
	r.believe(events)
	return nil
}

// record writes events of what has happened already, and believes them even
// if the journal does not take them: then the run only ends, and its last
// words are true.
func (r *run) record(events ...event.Event) {
	events = append(r.wasPrinted(r.now(), false), events...)
	r.stamp(events)
	_ = r.append(events) // it is kept in r.journal, and ends the run
	r.believe(events)
}

// append makes events safe. A journal that failed is not tried again: what
// follows a gap is worth nothing.
func (r *run) append(events []event.Event) error {
	if r.journal != nil || len(events) == 0 {
		return r.journal
	}
	fault.At(fault.JournalBefore)
	var err error
	if all, ok := r.o.Journal.(batchSink); ok {
		err = all.AppendAll(events)
	} else {
		for i := 0; i < len(events) && err == nil; i++ {
			err = r.o.Journal.Append(events[i])
		}
	}
	if err != nil {
		r.journal = fmt.Errorf("cannot write the journal: %w", err)
	}
	fault.At(fault.JournalAfter)
	return r.journal
}

// stamp numbers events and takes out of them what nobody may read.
func (r *run) stamp(events []event.Event) {
	now := r.now()
	for i := range events {
		e := &events[i]
		e.Seq, e.Run = r.seq+int64(i)+1, r.o.Run
		if e.Type == event.Output { // it has its time, and was redacted before it was cleaned
			continue
		}
		e.Time = now
		e.Text = r.redacted(e.Text)
		for j, line := range e.Detail {
			e.Detail[j] = r.redacted(line)
		}
	}
}

// redacted is text without what nobody may read.
func (r *run) redacted(text string) string {
	if r.o.Redact == nil {
		return text
	}
	return r.o.Redact(text)
}

func (r *run) believe(events []event.Event) {
	for _, e := range events {
		r.seq = e.Seq
		r.roll.Apply(e)
		r.touched.note(e)
		r.tell(e)
	}
}

// tell shows an event to the views; what they make of it stops nothing.
// Before the run has begun, an event has no number and no journal.
func (r *run) tell(e event.Event) {
	if r.o.Views == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time, e.Run = r.now(), r.o.Run
	}
	_ = r.o.Views.Append(e)
}
