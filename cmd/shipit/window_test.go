package main

import (
	"strings"
	"testing"
	"time"

	"shipit/exec/plan"
)

func TestAPlanSaysWhenItsWindowIsOpen(t *testing.T) {
	t.Parallel()
	office := plan.Window{Days: []string{"mon", "tue"}, Hours: "09:00-17:00", Zone: "Europe/Amsterdam"}
	night := plan.Window{Days: []string{"sat"}, Hours: "22:00-03:30", Zone: "Europe/Amsterdam"}
	for _, c := range []struct {
		name, now, recorded, outside string
		windows                      []plan.Window
		says                         string
		open                         bool
	}{
		{name: "no window", now: "2015-06-08T12:00:00Z", open: true},
		{
			name: "open", now: "2015-06-08T12:00:00Z", windows: []plan.Window{office}, open: true,
			says: "The deploy window of web is open until Mon 2015-06-08 17:00 CEST.",
		},
		{
			name: "closed", now: "2015-06-08T15:00:00Z", windows: []plan.Window{office},
			says: "The deploy window of web is closed until Tue 2015-06-09 09:00 CEST; --outside-window REASON applies it before.",
		},
		{
			name: "the first of two to open", now: "2015-06-10T15:00:00Z", windows: []plan.Window{office, night},
			says: "The deploy window of web is closed until Sat 2015-06-13 22:00 CEST; --outside-window REASON applies it before.",
		},
		{
			name: "over midnight, in the night that has one hour less", now: "2015-03-28T23:30:00Z", windows: []plan.Window{office, night}, open: true,
			says: "The deploy window of web is open until Sun 2015-03-29 03:30 CEST.",
		},
		{
			name: "over midnight, in the night that has one hour more", now: "2015-10-25T01:30:00Z", windows: []plan.Window{night}, open: true,
			says: "The deploy window of web is open until Sun 2015-10-25 03:30 CET.",
		},
		{
			name: "with a reason", now: "2015-06-10T15:00:00Z", windows: []plan.Window{office}, outside: "the front\x1b[2J page is down", open: true,
			says: "The deploy window of web is closed until Mon 2015-06-15 09:00 CEST; it is left out of account: the front\\x1b[2J page is down",
		},
		{
			name: "with a reason that the plan recorded", now: "2015-06-10T15:00:00Z", windows: []plan.Window{office}, recorded: "a fix", open: true,
			says: "The deploy window of web is closed until Mon 2015-06-15 09:00 CEST; it is left out of account: a fix",
		},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{now: func() time.Time { return now }}
		p := &plan.Plan{Body: plan.Body{Service: "web", Windows: c.windows, Hosts: []plan.Host{{Name: "web1", Action: plan.Update}}}}
		p.Body.Request.Outside = c.recorded
		var out strings.Builder
		open := w.windows(&out, &plan.Set{Plans: []*plan.Plan{p}}, c.outside)
		if got := strings.TrimSuffix(out.String(), "\n"); open != c.open || got != c.says {
			t.Errorf("%s: %t, it says\n%s\nwant %t\n%s", c.name, open, got, c.open, c.says)
		}
	}
}
