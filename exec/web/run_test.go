package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/web"
	"shipit/lang/diag/diagtest"
)

func TestAReaderGetsEachRecordOnceAndInOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	f := s.follow("/runs/"+theRun+"/events", "")
	f.upTo(1)
	s.say(event.Event{Type: event.HostStarted, Host: "rb001", Phase: event.Switch, Text: "switch on rb001"})
	if got := f.upTo(2); !slices.Equal(got, []int64{2}) {
		t.Errorf("after the first record came %v", got)
	}
	view := f.until("a view of the host at work", func(m message) bool { return m.name == "view" && strings.Contains(m.data, "switching") })
	if view.id != "" {
		t.Errorf("a view has the id %s, and would be resumed from", view.id)
	}
}

// TestReconnectsLeaveNoGap: readers that are away at any moment, also while
// the server is started again, get every record once.
func TestReconnectsLeaveNoGap(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const most = 300
	var all []int64
	last := ""
	for n := int64(1); n <= most; n += 10 {
		for range min(10, most-s.seq) {
			s.say(event.Event{Type: event.Note, Text: "a line"})
		}
		if n == 101 || n == 201 { // another process, with the same key
			s.server.Close()
			s.http.CloseClientConnections()
			cookies := s.client.Jar
			s.open(nil)
			s.client.Jar = &jar{rename(cookies.Cookies(nil), s.url)}
		}
		f := s.follow("/runs/"+theRun+"/events?after=0", last)
		m := f.until("records", func(m message) bool { return m.name == "records" })
		all, last = append(all, seqs(t, m)...), m.id
		f.stop()
	}
	all = append(all, s.follow("/runs/"+theRun+"/events", last).rest(all, s.seq)...)
	for i, seq := range all {
		if seq != int64(i+1) {
			t.Fatalf("record %d came where %d belongs: %v", seq, i+1, all)
		}
	}
	if len(all) != int(s.seq) {
		t.Errorf("%d records came, want %d", len(all), s.seq)
	}
}

// rename gives cookies the name that a server at another port looks for.
func rename(cookies []*http.Cookie, url string) []*http.Cookie {
	c := *cookies[0]
	c.Name = "shipit-" + url[strings.LastIndex(url, ":")+1:]
	return []*http.Cookie{&c}
}

// rest is what is missing up to a record.
func (f *reader) rest(have []int64, seq int64) []int64 {
	f.Helper()
	if len(have) > 0 && have[len(have)-1] == seq {
		return nil
	}
	return f.upTo(seq)
}

// TestAReaderThatWasAwayLong gets from the journal what is not kept any more.
func TestAReaderThatWasAwayLong(t *testing.T) {
	t.Parallel()
	var missed atomic.Int64 // readings of what is not kept
	s := newSite(t, func(o *web.Options) {
		o.Runs = countedRuns{o.Runs.(runs), func(after int64) {
			if 0 < after && after < 5000 {
				missed.Add(1)
			}
		}}
	})
	const many = 6000
	s.server.Keep(1000)
	var events []event.Event
	for range many {
		s.seq++
		events = append(events, event.Event{Seq: s.seq, Run: theRun, Time: noon, Type: event.Output, Host: "rb001", Text: "a line"})
	}
	if err := s.journal.AppendAll(events); err != nil {
		t.Fatal(err)
	}
	got := s.follow("/runs/"+theRun+"/events", "3").upTo(s.seq)
	if got[0] != 4 || len(got) != int(s.seq)-3 {
		t.Errorf("%d records from %d came, want %d from 4", len(got), got[0], s.seq-3)
	}
	if n := missed.Load(); n != 1 {
		t.Errorf("what was missed was read %d times", n)
	}
}

// countedRuns tell from where on events are asked for.
type countedRuns struct {
	runs
	asked func(after int64)
}

func (r countedRuns) Find(ctx context.Context, id string) (string, journal.Store, error) {
	run, err := r.Dir.Find(ctx, id)
	return run, countedStore{r.Dir, r.asked}, err
}

type countedStore struct {
	journal.Dir
	asked func(after int64)
}

func (s countedStore) Events(ctx context.Context, run string, after int64) ([]event.Event, error) {
	s.asked(after)
	return s.Dir.Events(ctx, run, after)
}

func TestTheEndOfARunEndsTheStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	f := s.follow("/runs/"+theRun+"/events", "")
	s.say(event.Event{Type: event.RunFinished, Outcome: event.Refused, Text: "the run is over: refused"})
	f.until("the last view", func(m message) bool {
		return m.name == "view" && strings.Contains(m.data, "stopped before any change") && !strings.Contains(m.data, "Abort the run")
	})
	if m := f.until("the end", func(m message) bool { return m.name == "end" }); m.data != "2" {
		t.Errorf("the stream ended after record %s, want 2", m.data)
	}
}

// obey answers the next wish, as the process of a run does.
func (s *site) obey(e event.Event) {
	s.Helper()
	n := int64(len(s.intents()) + 1)
	done := make(chan struct{})
	s.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for s.Context().Err() == nil {
			if all, err := journal.Intents(s.dir.Path(theRun)); err == nil && int64(len(all)) >= n {
				e.Intent = n
				s.seq++
				e.Seq, e.Run, e.Time = s.seq, theRun, noon
				_ = s.journal.Append(e)
				return
			}
		}
	}()
}

func TestAWishIsHandedInWithWhoAndAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.obey(event.Event{Type: event.Paused, By: "anna@desk", Text: "paused by anna@desk"})
	if got := s.wish("pause 1", http.StatusOK); got != `{"text":"paused by anna@desk"}` {
		t.Errorf("the person is told %s", got)
	}
	want := []journal.Intent{{N: 1, Do: "pause", By: "anna@desk", Time: noon.Add(60e9)}}
	if diff := cmp.Diff(want, s.intents()); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(s.said.all, "anna@desk wants run "+theRun+" to pause") {
		t.Errorf("the server noted %q", s.said.all)
	}
}

func TestAWishAboutWhatIsNoLongerSoIsRefused(t *testing.T) {
	t.Parallel()
	asked := event.Event{Type: event.Asked, Text: "batch canary is done; go on?", Choices: []string{"continue", "stop"}, Safe: "stop"}
	for name, c := range map[string]struct {
		wish  string
		since event.Event
		want  int
	}{
		"an answer, after another's":     {"answer 2 continue", event.Event{Type: event.Answered, By: "bert", Text: "bert said stop"}, http.StatusConflict},
		"a pause, after another's":       {"pause 2", event.Event{Type: event.Paused, By: "bert", Text: "paused by bert"}, http.StatusConflict},
		"an abort, after another's":      {"abort 2", event.Event{Type: event.Aborted, By: "bert", Text: "bert aborted"}, http.StatusConflict},
		"an abort of what is over":       {"abort 2", event.Event{Type: event.RunFinished, Outcome: event.Done, Text: "the run is over"}, http.StatusConflict},
		"a pause of what goes back":      {"pause 2", event.Event{Type: event.RollingBack, Text: "going back"}, http.StatusConflict},
		"a skip of a host that began":    {"skip 2 rb002", event.Event{Type: event.HostStarted, Host: "rb002", Phase: event.Switch, Text: "switch on rb002"}, http.StatusConflict},
		"a skip while another begins":    {"skip 2 rb002", event.Event{Type: event.HostStarted, Host: "rb001", Phase: event.Switch, Text: "switch on rb001"}, http.StatusOK},
		"an abort while hosts go on":     {"abort 2", event.Event{Type: event.StepDone, Host: "rb001", Text: "ok"}, http.StatusOK},
		"an answer while a host goes on": {"answer 2 continue", event.Event{Type: event.Note, Text: "a note"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.say(asked, c.since)
			if c.want == http.StatusOK {
				s.obey(event.Event{Type: event.Note, Text: "so it is"})
			}
			got := s.wish(c.wish, c.want)
			if n := len(s.intents()); (n == 1) != (c.want == http.StatusOK) {
				t.Errorf("%d wishes reached the run", n)
			}
			if c.want != http.StatusOK && (!strings.Contains(got, "Nothing was done") || !strings.Contains(got, c.since.Text) || !strings.Contains(got, "event 3")) {
				t.Errorf("the person is told %s", got)
			}
		})
	}
}

func TestAWishForARunThatNobodyDrives(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	form := s.form()
	if err := s.journal.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.ask(http.MethodPost, "/runs/"+theRun+"/act", map[string][]string{"form": {form}, "wish": {"pause 1"}}, http.StatusConflict)
	if !strings.Contains(got, "not under way") {
		t.Errorf("the person is told\n%s", got)
	}
	page := s.get("/runs/"+theRun, http.StatusOK)
	if strings.Contains(page, "Abort the run") || !strings.Contains(page, "shipit resume "+theRun) {
		t.Errorf("a run that nobody drives has buttons, or no word of resume:\n%s", page)
	}
	if strings.Contains(page, " · 59s") { // the time of the server
		t.Errorf("a run that nobody drives goes on by the clock:\n%s", page)
	}
}

// TestHostileTextIsInert: what hosts, journals from elsewhere and addresses
// say is text in every page and message.
func TestHostileTextIsInert(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	samples := diagtest.Hostile()
	for _, sample := range samples {
		s.say(
			event.Event{Type: event.HostStarted, Host: "rb001", Phase: event.Switch, Text: sample.Text},
			event.Event{Type: event.StepStarted, Host: "rb001", Phase: event.Switch, Step: "check.http.info", Text: sample.Text},
			event.Event{Type: event.Output, Host: "rb001", Step: "check.http.info", Text: sample.Text},
			event.Event{Type: event.Note, Host: sample.Text, Text: sample.Text, Detail: []string{sample.Text}, At: sample.Text, By: sample.Text},
			event.Event{Type: event.Asked, Text: sample.Text, Choices: []string{sample.Text}, Safe: sample.Text},
		)
	}
	s.say(event.Event{Type: event.HostFailed, Host: "rb001", Phase: event.Switch, Step: "check.http.info", Text: samples[0].Text, Detail: []string{"</pre><script>alert(1)</script>"}, Cause: event.Failed})
	base := "/runs/" + theRun
	for _, path := range []string{base, base + "/log?steps=1", base + "/log?q=%3Cscript%3E&host=%22%3E%3Cscript%3E", base + "/timeline", base + "/hosts/rb001", base + "/replay?at=5", base + "/plan", base + "?told=%3Cscript%3E"} {
		page := s.get(path, http.StatusOK)
		if n := strings.Count(page, "<script"); n != strings.Count(page, `<script type="module" src="/assets/`) {
			t.Errorf("%s has a script that is none of ours", path)
		}
		for part := range strings.SplitSeq(page, "<") {
			if why := diagtest.Problem(html.UnescapeString(part)); why != "" {
				t.Errorf("%s: %.100q: %s", path, part, why)
			}
		}
	}
	last := strconv.FormatInt(s.seq, 10)
	f := s.follow(base+"/events", "")
	for done := false; !done; {
		m := f.until("a message", func(m message) bool { return m.name == "records" || m.name == "view" })
		var any any
		if err := json.Unmarshal([]byte(m.data), &any); err != nil || strings.ContainsAny(m.data, "<>") {
			t.Fatalf("a message is no JSON without marks: %v: %.200s", err, m.data)
		}
		done = m.id == last
		for _, text := range texts(any) {
			if why := diagtest.Problem(text); why != "" {
				t.Errorf("%s: %.100q: %s", m.name, text, why)
			}
		}
	}
}

// TestAHostilePlanIsInert: a run may be another machine's, and so may its names.
func TestAHostilePlanIsInert(t *testing.T) {
	t.Parallel()
	for _, sample := range diagtest.Hostile() {
		if strings.HasPrefix(sample.Name, "long") { // a path would be, too
			continue
		}
		t.Run(sample.Name, func(t *testing.T) {
			t.Parallel()
			bad := sample.Text
			s := &site{T: t, dir: journal.Dir(t.TempDir()), plan: fleet(t, 3), said: &lines{}}
			b := &s.plan.Body
			b.Kind, b.Service, b.Env, b.Definition, b.Release.Tag, b.Git.Commit, b.Notes = plan.Kind(bad), bad, bad, bad, bad, bad, []string{bad}
			for i := range b.Hosts {
				h := &b.Hosts[i]
				h.Name = fmt.Sprint(bad, i)
				h.From.Tag, h.To.Tag, h.Back.Tag = bad, bad, bad
				h.Action, h.Changes = plan.Action(bad), []plan.Change{{Mark: plan.Action(bad), Kind: bad, Name: bad, Text: bad, Diff: bad}}
				for j := range h.Switch {
					h.Switch[j].ID, h.Switch[j].Text = fmt.Sprint(bad, j), bad
				}
			}
			b.Batches = []plan.Batch{{Name: bad, Slices: [][]string{{b.Hosts[0].Name, b.Hosts[1].Name, b.Hosts[2].Name}}}}
			s.plan.Meta.By = bad
			s.header = journal.Header{Service: bad, Env: bad, Kind: bad, Release: bad, By: bad, Shipit: bad}
			s.begin()
			s.open(nil)
			h := &s.plan.Body.Hosts[0] // as it was read
			s.say(
				event.Event{Type: event.HostStarted, Host: h.Name, Phase: event.Switch, Text: "switch"},
				event.Event{Type: event.StepStarted, Host: h.Name, Phase: event.Switch, Step: h.Switch[1].ID},
			)
			base := "/runs/" + theRun
			for _, path := range []string{"/", base, base + "/log?steps=1", base + "/timeline", base + "/hosts/" + url.PathEscape(h.Name), base + "/replay?at=2", base + "/plan"} {
				for part := range strings.SplitSeq(s.get(path, http.StatusOK), "<") {
					if why := diagtest.Problem(html.UnescapeString(part)); why != "" {
						t.Errorf("%s: %.200q: %s", path, part, why)
					}
				}
			}
		})
	}
}

// texts are all strings in a value.
func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	}
	return out
}

// story is a run in which one host is done and one fails.
func (s *site) story() {
	s.say(
		event.Event{Type: event.BatchStarted, Batch: "canary", Slice: 1, Text: "batch canary: rb001"},
		event.Event{Type: event.HostStarted, Host: "rb001", Phase: event.Switch, Text: "switch on rb001"},
		event.Event{Type: event.StepStarted, Host: "rb001", Phase: event.Switch, Step: "check.http.info", Text: "check http.info"},
		event.Event{Type: event.Output, Host: "rb001", Phase: event.Switch, Step: "check.http.info", Text: "needle in the output"},
		event.Event{Type: event.StepDone, Host: "rb001", Phase: event.Switch, Step: "check.http.info", Text: "check http.info"},
		event.Event{Type: event.HostDone, Host: "rb001", Phase: event.Switch, Text: "rb001 runs the release"},
		event.Event{Type: event.HostStarted, Host: "rb002", Phase: event.Switch, Text: "switch on rb002"},
		event.Event{Type: event.StepStarted, Host: "rb002", Phase: event.Switch, Step: "check.http.info", Text: "check http.info"},
		event.Event{Type: event.StepFailed, Host: "rb002", Phase: event.Switch, Step: "check.http.info", Text: "check http.info: status 500", Answer: event.No},
		event.Event{Type: event.HostFailed, Host: "rb002", Phase: event.Switch, Step: "check.http.info", Text: "check http.info: status 500", Cause: event.Unhealthy, Detail: []string{"boom"}},
	)
}

func TestPagesShowWhatTheTerminalShows(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.story()
	has := func(path string, want ...string) string {
		t.Helper()
		page := s.get(path, http.StatusOK)
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s does not say %q:\n%s", path, w, page)
			}
		}
		return page
	}
	base := "/runs/" + theRun
	has("/", theRun, "anna@desk", "going on", "Under way")
	if page := has("/?service=other", "No run is like that"); strings.Contains(page, "anna@desk</td>") {
		t.Error("the filter leaves a run of another service")
	}
	has(base, "deploy of restbase", "canary", "rb002", "status 500", "boom", "1 passed", "1 failed", "Abort the run", "needle")
	if page := has(base+"/log?q=NEEDLE", "needle", "1 of 11"); strings.Contains(page, "boom") {
		t.Error("the search finds what it should not")
	}
	has(base+"/log?from=6&steps=1", "Before", "rb002")
	has(base+"/timeline", "<svg", "rb002", "badly", "check.http.info")
	has(base+"/plan", "/etc/rb.conf", "&lt;script&gt;2", s.plan.Digest, "Batch canary")
	if before := s.get(base+"/replay?at=7", http.StatusOK); strings.Contains(before, "boom") || !strings.Contains(before, "done") {
		t.Errorf("the replay at event 7 knows of what came later, or not what came before:\n%s", before)
	}
	has(base+"/replay?at=11", "boom")
	if lines := s.get(base+"/log.jsonl", http.StatusOK); strings.Count(lines, "\n") != 11 {
		t.Errorf("the records as lines:\n%s", lines)
	}
	var times [][2]int64
	if err := json.Unmarshal([]byte(s.get(base+"/times", http.StatusOK)), &times); err != nil || times[0] != [2]int64{1, 0} || times[len(times)-1] != [2]int64{11, 10000} {
		t.Errorf("times are %v, %v", times, err)
	}
}

// A stuck reader takes the head of a stream and then nothing, until it is freed.
type stuck struct {
	*httptest.ResponseRecorder
	once        sync.Once
	full, freed chan struct{}
}

func (w *stuck) Write(data []byte) (int, error) {
	if bytes.Contains(data, []byte("event: records")) {
		w.once.Do(func() { close(w.full) })
		<-w.freed
	}
	return len(data), nil
}

// TestAStalledReaderHoldsUpNobody: one that takes nothing does not keep others,
// nor the journal, from going on.
func TestAStalledReaderHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := httptest.NewRequest(http.MethodGet, s.url+"/runs/"+theRun+"/events", nil)
	for _, c := range s.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := &stuck{ResponseRecorder: httptest.NewRecorder(), full: make(chan struct{}), freed: make(chan struct{})}
	gone := make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		s.server.ServeHTTP(w, r.WithContext(ctx))
		close(gone)
	}()
	t.Cleanup(func() { leave(); close(w.freed); <-gone })
	select {
	case <-w.full:
	case <-gone:
		t.Fatalf("the reader that stalls was answered %d: %s", w.Code, w.Body)
	}
	f := s.follow("/runs/"+theRun+"/events", "")
	for range 10 {
		var events []event.Event
		for i := range 500 {
			s.seq++
			events = append(events, event.Event{Seq: s.seq, Run: theRun, Time: noon, Type: event.Output, Host: "rb001", Text: fmt.Sprint(i)})
		}
		if err := s.journal.AppendAll(events); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.upTo(s.seq); len(got) != int(s.seq) {
		t.Errorf("the other reader has %d records of %d", len(got), s.seq)
	}
}
