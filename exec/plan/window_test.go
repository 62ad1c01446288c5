package plan

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestWindows(t *testing.T) {
	t.Parallel()
	office := Window{Days: []string{"mon", "tue", "wed", "thu"}, Hours: "09:00-17:00", Zone: "Europe/Amsterdam", At: "a:1"}
	night := Window{Days: []string{"fri"}, Hours: "22:00-02:00", Zone: "UTC", At: "a:2"}
	evening := Window{Days: []string{"mon"}, Hours: "16:30-18:00", Zone: "Europe/Amsterdam", At: "a:3"}
	small := Window{Days: []string{"sun"}, Hours: "01:30-03:30", Zone: "Europe/Amsterdam", At: "a:4"}
	gap := Window{Days: []string{"sun"}, Hours: "02:15-02:45", Zone: "Europe/Amsterdam", At: "a:5"}
	always := Window{Days: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Hours: "00:00-24:00", Zone: "UTC"}
	for _, c := range []struct {
		name    string
		windows []Window
		now     string
		open    bool
		change  string
	}{
		{"none", nil, "2015-06-08T12:00:00Z", true, ""},
		{"before it opens, in summer", []Window{office}, "2015-06-08T06:59:59Z", false, "2015-06-08T07:00:00Z"},
		{"as it opens", []Window{office}, "2015-06-08T07:00:00Z", true, "2015-06-08T15:00:00Z"},
		{"as it closes", []Window{office}, "2015-06-08T15:00:00Z", false, "2015-06-09T07:00:00Z"},
		{"in winter", []Window{office}, "2015-12-07T08:00:00Z", true, "2015-12-07T16:00:00Z"},
		{"over the weekend", []Window{office}, "2015-06-11T15:00:00Z", false, "2015-06-15T07:00:00Z"},
		{"over the change to winter", []Window{office}, "2015-10-24T12:00:00Z", false, "2015-10-26T08:00:00Z"},
		{"after midnight", []Window{night}, "2015-06-13T01:59:00Z", true, "2015-06-13T02:00:00Z"},
		{"the night before", []Window{night}, "2015-06-12T01:59:00Z", false, "2015-06-12T22:00:00Z"},
		{"two that overlap", []Window{evening, office}, "2015-06-08T12:00:00Z", true, "2015-06-08T16:00:00Z"},
		{"the next of two", []Window{night, office}, "2015-06-13T12:00:00Z", false, "2015-06-15T07:00:00Z"},
		{"the night that has one hour less", []Window{small}, "2015-03-29T00:45:00Z", true, "2015-03-29T01:30:00Z"},
		{"the night that has one hour more", []Window{small}, "2015-10-25T01:45:00Z", true, "2015-10-25T02:30:00Z"},
		{"hours that the night does not have", []Window{gap}, "2015-03-29T00:59:00Z", false, "2015-03-29T01:15:00Z"},
		{"every day, all day", []Window{always}, "2015-06-13T12:00:00Z", true, ""},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		open, change, err := Open(c.windows, now, time.LoadLocation)
		got := ""
		if !change.IsZero() {
			got = change.UTC().Format(time.RFC3339)
		}
		if err != nil || open != c.open || got != c.change {
			t.Errorf("%s: %t until %s, %v; want %t until %s", c.name, open, got, err, c.open, c.change)
		}
	}
	if _, _, err := Open([]Window{{Zone: "Europe/Entenhausen", At: "web.hcl:3"}}, time.Now(), time.LoadLocation); err == nil ||
		err.Error() != `web.hcl:3: there is no time zone "Europe/Entenhausen" here` {
		t.Errorf("it says %v", err)
	}
}
