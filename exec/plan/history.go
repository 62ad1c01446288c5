package plan

import "slices"

// ByWatchdog is who wrote a record that no person's run wrote.
const ByWatchdog = "watchdog"

// LastGood is the release that last passed all its checks on the host, and
// the run that left it so, among those still there and not except; ok is
// false where there is none. A release that failed or was undone after it was
// good is not good any more.
func (h HostFacts) LastGood(except string) (r Record, ok bool) {
	spoilt := map[string]bool{except: true}
	for _, rec := range slices.Backward(h.History) {
		switch rec.State {
		case "bad", "undone":
			spoilt[rec.Release] = true
		case "good", "adopted":
			if !spoilt[rec.Release] && h.holds(rec.Release) {
				return rec, true
			}
		}
	}
	return Record{}, false
}

// Unfinished is the record of the run that began to change the host and never
// said what came of it; ok is false where the last one did.
func (h HostFacts) Unfinished() (r Record, ok bool) {
	for _, rec := range slices.Backward(h.History) {
		switch rec.State {
		case "good", "undone":
			return Record{}, false
		case "begun":
			return rec, true
		}
	}
	return Record{}, false
}

// LastOf is the last record of a run that tells how far it came with the host:
// begun, good or undone. since are the records that other runs wrote after the
// run's last one, of changes to what runs.
func (h HostFacts) LastOf(run string) (last Record, since []Record) {
	for _, rec := range h.History {
		switch {
		case rec.State == "staged":
		case rec.Run != run:
			since = append(since, rec)
		default:
			since = nil
			if rec.State == "begun" || rec.State == "good" || rec.State == "undone" {
				last = rec
			}
		}
	}
	if last == (Record{}) {
		return Record{}, nil
	}
	return last, since
}

// A verdict is what the history says of a release.
type verdict int

const (
	unheard  verdict = iota // nothing beyond its staging: never ran, or was there before us
	good                    // passed its checks when it last ran
	bad                     // failed or was undone when it last ran
	unproven                // was activated, and then the run was lost
)

// verdict is what h's history says of id.
func (h HostFacts) verdict(id string) verdict {
	for i, rec := range slices.Backward(h.History) {
		if rec.Release != id {
			continue
		}
		switch rec.State {
		case "good":
			return good
		case "bad", "undone":
			return bad
		case "live":
			// An undo makes the old release live again without judging it anew.
			undo := slices.ContainsFunc(h.History, func(r Record) bool {
				return r.Run == rec.Run && r.Release != id && (r.State == "undone" || r.State == "bad")
			})
			if undo {
				return HostFacts{History: h.History[:i]}.verdict(id)
			}
			return unproven
		}
	}
	return unheard
}

// undoneAlone is the record of a watchdog that took id back, if that is the
// last that was heard of it.
func (h HostFacts) undoneAlone(id string) (Record, bool) {
	for _, rec := range slices.Backward(h.History) {
		if rec.Release == id {
			return rec, rec.State == "undone" && rec.By == ByWatchdog
		}
	}
	return Record{}, false
}

// firstRan is the index in h's history at which id first ran, or -1.
func (h HostFacts) firstRan(id string) int {
	return slices.IndexFunc(h.History, func(r Record) bool {
		return r.Release == id && (r.State == "live" || r.State == "good")
	})
}

// named fills in what h's history knows of a release id.
func (h HostFacts) named(id string) (Release, bool) {
	for _, rec := range slices.Backward(h.History) {
		if rec.Release == id && rec.Tag != "" {
			return Release{ID: id, Tag: rec.Tag, Commit: rec.Commit}, true
		}
	}
	return Release{ID: id}, false
}

// runOf is the run that last left id good on the host, "" if none did.
func (h HostFacts) runOf(id string) string {
	for _, rec := range slices.Backward(h.History) {
		if rec.Release == id && rec.State == "good" {
			return rec.Run
		}
	}
	return ""
}
