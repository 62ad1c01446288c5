package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/rollout"
	"shipit/exec/web"
)

// in looks for texts that a page has, and for those (after "not") that it has
// not.
func (s *site) in(path string, want ...string) {
	s.Helper()
	page, not := s.get(path, http.StatusOK), false
	var wrong []string
	for _, w := range want {
		switch {
		case w == "not":
			not = true
		case strings.Contains(page, w) && not:
			wrong = append(wrong, "there is "+w)
		case !strings.Contains(page, w) && !not:
			wrong = append(wrong, "there is no "+w)
		}
	}
	if len(wrong) > 0 {
		s.Errorf("%s: %s\n%s", path, strings.Join(wrong, "; "), page)
	}
}

// TestTheLogOfAHostBesideHowItStands looks at a host that failed while the run
// goes on, at one that is done, and at the first as it was before.
func TestTheLogOfAHostBesideHowItStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *web.Options) {
		o.ByHand = func(_ *plan.Plan, h rollout.Host, run string) []string {
			return []string{"cd " + h.Name + " " + string(h.Status) + " " + run + " <b>"}
		}
	})
	s.story()
	base := "/runs/" + theRun
	s.in(base, `href="`+base+`/hosts/rb002"`)
	s.in(base+"/hosts/rb002",
		"<h1>rb002</h1>", "status 500", "boom", "badly", "Batch rest", "It ran v1 before", "The plan brings v2", // how it stands
		"cd rb002 stuck "+theRun+" &lt;b&gt;", "shipit logs "+theRun+" rb002 --follow", "It cannot be tried again", // what to do
		`rel="prev" id="before" href="`+base+`/hosts/rb001"`, `rel="next" id="after" href="`+base+`/hosts/rb003"`, // where to go
		`id="r8"`, `id="r11"`, "4 records", "not", `id="r7"`, "needle", "Leave rb002 out")
	s.in(base+"/hosts/rb001", "done", "needle in the output", "✓", "well", "not", "Last error", "badly", "boom")
	s.in(base+"/hosts/rb003", "Leave rb003 out", "shipit skip "+theRun+" rb003", "0 records<", "not", "Timeline</h2>", "Checks</h2>")
	s.in(base+"/hosts/rb002?at=9", "As it stood after", "up to record 9", `id="r9"`, "shipit logs", "not", "boom", "badly", "--follow", `id="r10"`)
	s.in(base+"/replay?at=9", base+"/hosts/rb002?at=9")
	s.in(base+"/hosts/rb002?q=BOOM", "1 record<", `id="r11"`, "the newest", "not", `id="r8"`, `id="log"`)
	s.in(base+"/hosts/rb002?from=10", `id="r10"`, "Before", "not", `id="r9"`)
	s.get(base+"/hosts/nowhere", http.StatusNotFound)
}

// TestTheNewestOfManyRecordsOfAHost begins with the last ones and leads to those
// before.
func TestTheNewestOfManyRecordsOfAHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for range 300 {
		s.say(event.Event{Type: event.Output, Host: "rb002", Text: "a line"}, event.Event{Type: event.Output, Host: "rb001", Text: "another"})
	}
	page := "/runs/" + theRun + "/hosts/rb002"
	s.in(page, "300 records", `id="r600"`, `id="r202"`, "from=2\"", "not", `id="r200"`, `id="r601"`)
	s.in(page+"?from=2", `id="r2"`, `id="r400"`, "from=402\"", "not", `id="r402"`)
}

// TestAReaderOfAHostGetsWhatIsOfThatHost, also one that was away long.
func TestAReaderOfAHostGetsWhatIsOfThatHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.story()
	s.server.Keep(1000)
	stream := "/runs/" + theRun + "/events?host=rb002"
	f := s.follow(stream, "")
	if got := f.upTo(11); !slices.Equal(got, []int64{8, 9, 10, 11}) {
		t.Errorf("records %v came", got)
	}
	view := f.until("a view", func(m message) bool { return m.name == "view" })
	if !strings.Contains(view.data, "host-error") || strings.Contains(view.data, `"grid"`) {
		t.Errorf("the view is of something else: %s", view.data)
	}
	var events []event.Event
	for i := range 6000 { // more than is kept
		host := "rb001"
		if i%1000 == 999 {
			host = "rb002"
		}
		s.seq++
		events = append(events, event.Event{Seq: s.seq, Run: theRun, Time: noon, Type: event.Output, Host: host, Text: "a line"})
	}
	if err := s.journal.AppendAll(events); err != nil {
		t.Fatal(err)
	}
	want := []int64{1011, 2011, 3011, 4011, 5011, 6011}
	if got := f.upTo(6011); !slices.Equal(got, want) {
		t.Errorf("records %v came, want %v", got, want)
	}
	if got := s.follow(stream, "11").upTo(6011); !slices.Equal(got, want) {
		t.Errorf("records %v came to who was away, want %v", got, want)
	}
	s.get("/runs/"+theRun+"/events?host=nowhere", http.StatusNotFound)
}

func TestAHostIsLeftOutFromItsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.obey(event.Event{Type: event.HostSkipped, Host: "rb003", By: "anna@desk", Text: "rb003 is left out by anna@desk"})
	act := func(form url.Values) string {
		t.Helper()
		form.Set("form", s.form())
		return s.post("/runs/"+theRun+"/act", form)
	}
	to := act(url.Values{"wish": {"skip 1 rb003"}, "page": {"rb003"}})
	if want := "/runs/" + theRun + "/hosts/rb003?told=1"; to != want {
		t.Fatalf("the browser is sent to %s, want %s", to, want)
	}
	s.in(to, "rb003 is left out by anna@desk", "Try rb003 again", "not", "Leave rb003 out")
	s.in("/runs/"+theRun, `<option value="rb003">rb003</option>`, "Try it again")
	s.obey(event.Event{Type: event.HostRetried, Host: "rb003", By: "anna@desk", Text: "rb003 is tried again"})
	act(url.Values{"wish": {"retry 2"}, "host": {"rb001"}, "retried": {"rb003"}})
	if all := s.intents(); len(all) != 2 || all[1].Do != "retry" || all[1].Host != "rb003" {
		t.Errorf("the wishes are %+v", all)
	}
}
