package exec

import (
	"strconv"
	"strings"
	"time"

	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang/diag"
)

// parseHealth reads what doctor.sh stated. The host read its clock between
// asked and answered, by ours. What does not parse is not known.
func parseHealth(records []remote.Record, asked, answered time.Time) plan.Health {
	h := plan.Health{Versions: map[string]string{}, Used: -1, UsedInodes: -1, MaxSessions: -1}
	for _, r := range records {
		if r.Kind != remote.Fact {
			continue
		}
		text := diag.CleanLine(strings.TrimSpace(r.Text))
		if name, ok := strings.CutPrefix(r.Key, "version."); ok {
			if v := versionIn(text); v != "" {
				h.Versions[name] = v
			}
		} else if note := healthNotes[r.Key]; note != nil {
			note(&h, text)
		} else if r.Key == "clock" {
			h.Skew, h.Error = skew(text, asked, answered)
		}
	}
	return h
}

// healthNotes take down what doctor.sh states, by its name for it.
var healthNotes = map[string]func(h *plan.Health, text string){
	"kernel":    func(h *plan.Health, text string) { h.Kernel = text },
	"os":        func(h *plan.Health, text string) { h.System = text },
	"shell":     func(h *plan.Health, text string) { h.Shell = text },
	"sh":        func(h *plan.Health, text string) { h.Sh = text },
	"place":     func(h *plan.Health, text string) { h.Place = text },
	"mount":     func(h *plan.Health, text string) { h.Mount = text },
	"use":       func(h *plan.Health, text string) { h.Used = used(text) },
	"usei":      func(h *plan.Health, text string) { h.UsedInodes = used(text) },
	"notmp":     func(h *plan.Health, text string) { h.NoTmp = text },
	"noproc":    func(h *plan.Health, _ string) { h.NoProc = true },
	"killed":    func(h *plan.Health, _ string) { h.Killed = true },
	"nojournal": func(h *plan.Health, _ string) { h.NoJournal = true },
	"maxsessions": func(h *plan.Health, text string) {
		if n, err := strconv.Atoi(text); err == nil {
			h.MaxSessions = n
		}
	},
	"sudoall": func(h *plan.Health, _ string) { h.SudoAll = true },
}

// skew is how far a host's clock is before ours, and how exact that is: what
// the way there and back took, and the parts of a second that it did not say.
func skew(text string, asked, answered time.Time) (by, within time.Duration) {
	seconds, fraction, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s <= 0 || s > 1<<40 {
		return 0, 0
	}
	within = answered.Sub(asked) / 2
	nanos, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil || len(fraction) != 9 { // its date knows no %N
		nanos, within = int64(time.Second/2), within+time.Second/2
	}
	middle := asked.Add(answered.Sub(asked) / 2)
	return time.Unix(s, nanos).Sub(middle), within
}

// used is the percentage in a line of df -P; -1 where it has none.
func used(line string) int {
	for word := range strings.FieldsSeq(line) {
		if digits, ok := strings.CutSuffix(word, "%"); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				return n
			}
		}
	}
	return -1
}

// versionIn is the first word of a program's greeting that begins with a
// digit; "" where it has none.
func versionIn(text string) string {
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, "(),")
		if word != "" && word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return ""
}
