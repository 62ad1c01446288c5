package web

import (
	"shipit/exec/view/live"
)

// The sections of a run's page, in its order. They are drawn for all readers
// of a kind at once, so nothing in them is about one person.
var sectionNames = []string{"sentence", "question", "actions", "strip", "counts", "failures", "grid", "checks"}

// A sectionData is what the sections are drawn from.
type sectionData struct {
	live.Sight
	Checks  []checkRow
	Deploys bool
	Live    bool // the run can be steered, as far as its events tell
	Many    bool // hosts, so that each is only a cell

	Skippable []live.Cell // hosts that may be left out
}

// mostListed is up to how many hosts each has a row with what it is at.
const mostListed = 24

// sections draws the parts of a run's page.
func (s *Server) sections(sight live.Sight, checks []checkRow, deploys, now bool) []section {
	data := sectionData{
		Sight: sight, Checks: checks, Deploys: deploys, Live: now && !sight.Finished, Many: len(sight.Hosts) > mostListed,
	}
	for _, h := range sight.Hosts {
		if h.Skippable && data.Live {
			data.Skippable = append(data.Skippable, h)
		}
	}
	var out []section
	for _, name := range sectionNames {
		out = append(out, section{Name: name, HTML: draw("section-"+name, data)})
	}
	return out
}
