package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Encode writes an event as one line of JSON, with a newline, its fields in
// the order of the struct.
func Encode(e Event) ([]byte, error) {
	return encode(e)
}

// encode leaves <, > and & alone: a line is read by people, too.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("cannot encode event: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode wrote. It ignores fields it does not know and
// takes types it does not know: a reader shows their Text.
func Decode(line []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, fmt.Errorf("cannot decode event: %w", err)
	}
	if e.Type == "" {
		return Event{}, fmt.Errorf("cannot decode event: it has no type")
	}
	return e, nil
}

// A Version is the first line of a stream of events.
type Version struct {
	Type   string `json:"type"`   // "version"
	Format string `json:"format"` // Schema
	Shipit string `json:"shipit"` // the program that writes
}

// Header is the first line of a stream of events, with a newline, as version
// of the program writes it.
func Header(version string) []byte {
	line, err := encode(Version{Type: "version", Format: Schema, Shipit: version})
	if err != nil {
		panic("internal error: " + err.Error()) // strings always encode
	}
	return line
}

// Readable tells why a stream or journal of the given format cannot be read:
// its major version is another. A newer minor version only adds.
func Readable(format string) error {
	ours, _, _ := strings.Cut(Schema, ".")
	theirs, _, _ := strings.Cut(format, ".")
	if ours != theirs {
		return fmt.Errorf("events of format %q cannot be read by this shipit, which reads %s.x", format, ours)
	}
	return nil
}
