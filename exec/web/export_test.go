package web

import (
	"maps"
	"slices"
)

// Changes are the paths of all requests that change something.
func (s *Server) Changes() []string { return slices.Sorted(maps.Keys(s.changes())) }

// Form is what a form of that person must bring, which only pages of deployers
// say.
func (a *Access) Form(name string) string { return a.derive("form of " + name) }

// RenewedWithin is how long a renewed certificate may wait to be seen.
const RenewedWithin = renewedWithin

// MostKeptOf is how many bytes are kept of a run.
const MostKeptOf = mostKeptOf

// Keep bounds how many records of a run are kept; before there is a reader.
func (s *Server) Keep(records int) { s.keep = records }

// Held is how much is kept for readers of the run that has the most.
func (s *Server) Held() (records, bytes int) {
	s.feeds.mu.Lock()
	defer s.feeds.mu.Unlock()
	for _, d := range s.feeds.by {
		d.mu.Lock()
		records, bytes = max(records, len(d.kept)), max(bytes, d.bytes)
		d.mu.Unlock()
	}
	return records, bytes
}
