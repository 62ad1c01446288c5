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
	Live    bool  // the run can be steered, as far as its events tell
	Many    bool  // hosts, so that each is only a cell
	At      int64 // the event up to which it is told, 0 where that is now

	Skippable, Retryable []live.Cell // hosts that may be left out, or tried again
}

// mostListed is up to how many hosts each has a row with what it is at.
const mostListed = 24

// runSections draws the parts of a run's page.
func (s *Server) runSections(c scene, v viewer, now bool, at int64) []section {
	data := sectionData{
		Sight: c.sight, Checks: c.checks, Deploys: v.deploys, Live: now && !c.sight.Finished, Many: len(c.sight.Hosts) > mostListed, At: at,
	}
	for _, h := range c.sight.Hosts {
		if h.Skippable && data.Live {
			data.Skippable = append(data.Skippable, h)
		}
		if h.Retryable && data.Live {
			data.Retryable = append(data.Retryable, h)
		}
	}
	var out []section
	for _, name := range sectionNames {
		out = append(out, section{Name: name, HTML: draw("section-"+name, data)})
	}
	return out
}
