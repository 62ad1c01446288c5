package web

import (
	"slices"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/lang/diag"
)

// checks is what the checks of a run said, by check and host.
type checks struct {
	ids   []string // in the plan's order
	text  map[string]string
	hosts []string // in the plan's order
	said  map[string]map[string]string
}

// mostSaid is how many answers of one check on one host are kept.
const mostSaid = 8

func newChecks(p *plan.Plan) *checks {
	c := &checks{text: map[string]string{}, said: map[string]map[string]string{}}
	for i := range p.Body.Hosts {
		h := &p.Body.Hosts[i]
		c.hosts = append(c.hosts, h.Name)
		for _, step := range slices.Concat(h.Before, h.Switch, h.After, h.Undo) {
			if step.Op != plan.OpCheck || c.said[step.ID] != nil {
				continue
			}
			c.ids = append(c.ids, step.ID)
			c.text[step.ID], c.said[step.ID] = diag.CleanLine(step.Text), map[string]string{}
		}
	}
	return c
}

// The signs of answers.
const (
	passed  = "✓"
	refused = "✗"
	unsure  = "?"
	asking  = "…"
)

// take notes what a check said.
func (c *checks) take(e event.Event) {
	said := c.said[e.Step]
	if said == nil || e.Host == "" {
		return
	}
	signs := []rune(said[e.Host])
	if n := len(signs); n > 0 && string(signs[n-1]) == asking {
		signs = signs[:n-1]
	}
	sign := ""
	switch e.Type {
	case event.StepStarted:
		sign = asking
	case event.StepDone:
		sign = passed
	case event.StepFailed, event.HostFailed:
		sign = refused
		if e.Answer == event.NotKnown {
			sign = unsure
		}
		if e.Type == event.HostFailed && len(signs) > 0 {
			return // its failed step said so
		}
	default:
		return
	}
	signs = append(signs, []rune(sign)...)
	said[e.Host] = string(signs[max(0, len(signs)-mostSaid):])
}

// A checkRow is a check, how many hosts pass it, and the answers of those
// that are worth a look.
type checkRow struct {
	ID, Text                       string
	Passed, Failed, Unsure, Asking int
	Hosts                          []checkHost
	More                           int // hosts that are not in Hosts
}

// A checkHost is the last answers of a check on a host.
type checkHost struct{ Name, Signs, Tone string }

// fewHosts is up to how many hosts all of them are shown.
const fewHosts = 12

func (c *checks) rows() []checkRow {
	var rows []checkRow
	for _, id := range c.ids {
		row := checkRow{ID: diag.CleanLine(id), Text: c.text[id]}
		var fine []checkHost
		for _, host := range c.hosts {
			signs := []rune(c.said[id][host])
			if len(signs) == 0 {
				continue
			}
			h := checkHost{Name: diag.CleanLine(host), Signs: string(signs), Tone: toneOfSign(signs)}
			switch string(signs[len(signs)-1]) {
			case passed:
				row.Passed++
			case refused:
				row.Failed++
			case unsure:
				row.Unsure++
			default:
				row.Asking++
			}
			if h.Tone == "bad" {
				row.Hosts = append(row.Hosts, h)
			} else {
				fine = append(fine, h)
			}
		}
		if len(row.Hosts)+len(fine) == 0 {
			continue
		}
		room := max(0, fewHosts-len(row.Hosts))
		row.More = max(0, len(fine)-room)
		row.Hosts = append(row.Hosts, fine[:min(len(fine), room)]...)
		rows = append(rows, row)
	}
	return rows
}

// A hostCheck is the last answers of a check on one host.
type hostCheck struct {
	ID, Text string
	checkHost
}

// host is the checks that were asked about a host.
func (c *checks) host(name string) []hostCheck {
	var all []hostCheck
	for _, id := range c.ids {
		if signs := []rune(c.said[id][name]); len(signs) > 0 {
			all = append(all, hostCheck{diag.CleanLine(id), c.text[id], checkHost{diag.CleanLine(name), string(signs), toneOfSign(signs)}})
		}
	}
	return all
}

// toneOfSign is how the last of some answers is to be seen.
func toneOfSign(signs []rune) string {
	switch string(signs[len(signs)-1]) {
	case passed:
		return "good"
	case refused, unsure:
		return "bad"
	}
	return "moving"
}
