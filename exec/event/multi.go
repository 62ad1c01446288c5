package event

import "errors"

// Multi appends to several sinks in order. The first is the journal: an event
// it did not take did not happen, so its error is returned at once and the
// others do not see the event. The rest are views: what they say is dropped,
// so that no view stops a run or another view.
type Multi []Sink

// Append appends e to all sinks.
func (m Multi) Append(e Event) error {
	if len(m) == 0 {
		return errors.New("cannot append event: there is no journal")
	}
	if err := m[0].Append(e); err != nil {
		return err
	}
	return Views(m[1:]).Append(e)
}

// Views are readers of events. What they say is dropped, so that none stops a
// run or another one.
type Views []Sink

// Append appends e to all views.
func (v Views) Append(e Event) error {
	for _, view := range v {
		_ = view.Append(e)
	}
	return nil
}
