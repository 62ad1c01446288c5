package view

import (
	"bytes"
	"io"
	"sync"

	"shipit/exec/event"
)

// Stream writes events as JSON Lines; its first line is the version. It is an
// event.Sink.
type Stream struct {
	mu sync.Mutex
	w  io.Writer
}

// NewStream writes the version line to w and then one line per event.
func NewStream(w io.Writer, version string) (*Stream, error) {
	_, err := w.Write(line(event.Header(version)))
	return &Stream{w: w}, err
}

// Append writes e.
func (s *Stream) Append(e event.Event) error {
	data, err := event.Encode(e)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.w.Write(line(data))
	return err
}

func line(data []byte) []byte { return append(bytes.TrimRight(data, "\n"), '\n') }
