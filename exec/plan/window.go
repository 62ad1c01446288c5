package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Window is when a deploy may start its slices.
type Window struct {
	Days  []string `json:"days"`  // "mon" to "sun", on which it opens
	Hours string   `json:"hours"` // "09:00-17:00"; one that ends before it begins ends on the next day
	Zone  string   `json:"zone"`
	At    string   `json:"at,omitempty"`
}

// String is the window as people say it.
func (w Window) String() string {
	days := strings.Join(w.Days, ", ")
	if len(w.Days) == 7 {
		days = "every day"
	}
	return fmt.Sprintf("%s %s %s", days, w.Hours, w.Zone)
}

// weekdays are the names of days as time counts them.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Open tells whether one of the windows is open at an instant, and when that
// changes: the zero time is never. Where there is none, it is always open.
// Zones are looked up by zone, as time.LoadLocation does.
func Open(windows []Window, now time.Time, zone func(string) (*time.Location, error)) (open bool, change time.Time, err error) {
	if len(windows) == 0 {
		return true, time.Time{}, nil
	}
	type span struct{ from, to time.Time }
	var spans []span
	for _, w := range windows {
		loc, err := zone(w.Zone)
		if err != nil {
			return false, time.Time{}, fmt.Errorf("%s: there is no time zone %q here", w.At, w.Zone)
		}
		var h1, m1, h2, m2 int
		if _, err := fmt.Sscanf(w.Hours, "%d:%d-%d:%d", &h1, &m1, &h2, &m2); err != nil {
			return false, time.Time{}, fmt.Errorf("%s: hours %q are not like 09:00-17:00", w.At, w.Hours)
		}
		y, mon, d := now.In(loc).Date()
		for day := d - 1; day <= d+15; day++ { // from yesterday, whose window may still be open
			from := time.Date(y, mon, day, h1, m1, 0, 0, loc)
			if !slices.Contains(w.Days, weekdays[time.Date(y, mon, day, 12, 0, 0, 0, loc).Weekday()]) {
				continue
			}
			to := time.Date(y, mon, day, h2, m2, 0, 0, loc)
			if h2*60+m2 <= h1*60+m1 {
				to = time.Date(y, mon, day+1, h2, m2, 0, 0, loc)
			}
			spans = append(spans, span{from, to})
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.from.UnixNano(), b.from.UnixNano()) })
	for _, s := range spans {
		switch {
		case open && s.from.After(change):
			return open, change, nil
		case open:
			if s.to.After(change) { // the next begins before this one ends
				change = s.to
			}
		case now.Before(s.from):
			return false, s.from, nil
		case now.Before(s.to):
			open, change = true, s.to
		}
	}
	if open && change.Sub(now) > 14*24*time.Hour { // one window follows the other without end
		change = time.Time{}
	}
	return open, change, nil
}
