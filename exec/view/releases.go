package view

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"shipit/exec/plan"
)

// A Release is a row of the list of releases.
type Release struct {
	Tag     string    `json:"tag"`
	Commit  string    `json:"commit"`
	Author  string    `json:"author"`
	Subject string    `json:"subject"`
	When    time.Time `json:"when"`
	// Prerelease says that nobody gets it who does not name it.
	Prerelease bool `json:"prerelease,omitempty"`
	// Of all environments that were asked together.
	Live   []string `json:"live"`   // hosts that run it
	Staged int      `json:"staged"` // hosts that hold it
	Good   int      `json:"good"`   // hosts on which it passed its checks when it last ran
	Bad    int      `json:"bad"`    // hosts on which it failed when it last ran
	// In says the same of each environment.
	In []Presence `json:"environments"`
	// Verified is nil where no signature is asked for.
	Verified *Verified `json:"verified,omitempty"`
}

// Presence is where a release is in one environment.
type Presence struct {
	Env    string   `json:"environment"`
	Live   []string `json:"live"`
	Staged int      `json:"staged"`
	Good   int      `json:"good"`
	Bad    int      `json:"bad"`
	// Ended is how the newest run of the release ended that is recorded here.
	Ended string `json:"last_outcome,omitempty"`
	Run   string `json:"last_run,omitempty"`
}

// Verified tells whether a tag is signed by one of the signers.
type Verified struct {
	OK  bool   `json:"ok"`
	By  string `json:"by,omitempty"`
	Why string `json:"why,omitempty"` // it is not
}

// Asked is the hosts of an environment and what they said.
type Asked struct {
	Env   string
	Facts plan.Facts
}

// Add counts where the release of that id is in an environment.
func (r *Release) Add(id string, in Presence, facts plan.Facts) {
	in.Live = []string{}
	for _, h := range facts.Hosts {
		if h.Live == id {
			in.Live = append(in.Live, h.Name)
		}
		if h.Has(id) {
			in.Staged++
		}
		switch h.Mark(id) {
		case "good":
			in.Good++
		case "bad":
			in.Bad++
		}
	}
	r.In = append(r.In, in)
	for _, name := range in.Live {
		if !slices.Contains(r.Live, name) { // a host may be in two environments
			r.Live = append(r.Live, name)
		}
	}
	r.Staged, r.Good, r.Bad = r.Staged+in.Staged, r.Good+in.Good, r.Bad+in.Bad
}

// Releases prints the releases, newest first, with where each one is. Without
// asked, nobody was.
func Releases(w io.Writer, list []Release, asked []Asked, now time.Time, s Style) {
	head := []string{"RELEASE", "COMMIT", "AGE", "RUNS ON", "STAGED ON", "FOUND"}
	verified := slices.ContainsFunc(list, func(r Release) bool { return r.Verified != nil })
	if verified {
		head = append(head, "VERIFIED")
	}
	rows := [][]string{append(head, "AUTHOR", "SUBJECT")}
	for _, r := range list {
		runs, staged := "?", "?"
		if len(asked) > 0 {
			runs = r.each(func(p Presence) int { return len(p.Live) })
			staged = r.each(func(p Presence) int { return p.Staged })
		}
		name := r.Tag
		if r.Prerelease {
			name += " (prerelease)"
		}
		row := []string{name, short(r.Commit), age(now.Sub(r.When)), runs, staged, r.found()}
		if verified {
			row = append(row, r.Verified.cell())
		}
		rows = append(rows, append(row, r.Author, r.Subject))
	}
	fitLast(rows, s.Width)
	table(w, rows, func(row, col int, cell string) string {
		switch {
		case row == 0:
			return s.paint(dim, cell)
		case col == 3 && cell != "-" && cell != "?":
			return s.paint(green, cell)
		case col == 5 && badly.MatchString(cell), head[min(col, len(head)-1)] == "VERIFIED" && strings.HasPrefix(cell, "no: "):
			return s.paint(red, cell)
		}
		return cell
	})
	var away []string
	for _, a := range asked {
		var names []string
		for _, h := range a.Facts.Hosts {
			if h.Unreachable != "" {
				names = append(names, h.Name)
			}
		}
		switch {
		case len(names) == 0:
		case len(asked) == 1:
			away = append(away, hostNames(names))
		default:
			away = append(away, a.Env+" "+hostNames(names))
		}
	}
	if len(away) > 0 {
		fmt.Fprintf(w, "\nNot counted, because unreachable: %s. 'shipit status' says why.\n", strings.Join(away, "; "))
	}
}

// badly are the words for what ended so.
var badly = regexp.MustCompile("bad on|rolled back|mixed")

// each is a number of hosts in every environment that has any.
func (r Release) each(count func(Presence) int) string {
	if len(r.In) == 1 {
		return hosts(count(r.In[0]))
	}
	return cmp.Or(r.parts(func(p Presence) string {
		if n := count(p); n > 0 {
			return fmt.Sprint(n)
		}
		return ""
	}), "-")
}

// parts are what there is to say of the environments, with their names.
func (r Release) parts(say func(Presence) string) string {
	var parts []string
	for _, p := range r.In {
		if text := say(p); text != "" {
			parts = append(parts, p.Env+" "+text)
		}
	}
	return strings.Join(parts, "; ")
}

// found is what hosts and runs found of a release.
func (r Release) found() string {
	say := func(p Presence) string {
		var words []string
		if p.Bad > 0 {
			words = append(words, fmt.Sprintf("bad on %d", p.Bad))
		}
		if p.Ended != "" && p.Bad == 0 {
			words = append(words, p.Ended)
		}
		if p.Good > 0 {
			words = append(words, fmt.Sprintf("good on %d", p.Good))
		}
		return strings.Join(words, ", ")
	}
	if len(r.In) == 1 {
		return cmp.Or(say(r.In[0]), "-")
	}
	return cmp.Or(r.parts(say), "-")
}

func (v *Verified) cell() string {
	switch {
	case v == nil:
		return ""
	case v.OK:
		return "yes: " + v.By
	}
	return "no: " + v.Why
}

// hosts is a number of hosts in a cell.
func hosts(n int) string {
	if n == 0 {
		return "-"
	}
	return plural(n, "host")
}

// short is a commit as people write it.
func short(commit string) string {
	if len(commit) > 7 {
		return commit[:7]
	}
	return commit
}
