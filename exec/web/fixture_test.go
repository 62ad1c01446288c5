package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/exec/view"
	"shipit/exec/web"
	"shipit/lang"
)

// theRun is the run of most tests.
const theRun = "20150612T120000Z-3kq7"

var noon = time.Date(2015, 6, 12, 12, 0, 0, 0, time.UTC)

// restbase is what most runs are of.
var restbase = journal.Header{Service: "restbase", Env: "production", Kind: "deploy", Release: "v2", By: "anna@desk"}

// fleet is a deploy to n hosts in two batches.
func fleet(t *testing.T, n int) *plan.Plan {
	t.Helper()
	p := &plan.Plan{Format: plan.Format}
	b := &p.Body
	b.Kind, b.Service, b.Env, b.Definition = plan.Deploy, "restbase", "production", "restbase.hcl"
	b.Release = plan.Release{ID: "v2", Tag: "v2"}
	var names []string
	for i := range n {
		name := fmt.Sprintf("rb%03d", i+1)
		names = append(names, name)
		b.Hosts = append(b.Hosts, plan.Host{
			Name: name, Action: plan.Update, From: plan.Release{ID: "v1", Tag: "v1"}, To: b.Release, Back: plan.Release{ID: "v1", Tag: "v1"},
			Changes: []plan.Change{
				{Mark: plan.Update, Kind: "release", Text: "v1 -> v2"},
				{Mark: plan.Update, Kind: "file", Name: "/etc/rb.conf", Diff: "@@ -1 +1 @@\n-a = 1\n+a = <script>2</script>\n"},
			},
			Switch: []plan.Step{
				{ID: "restart", Op: plan.OpRestart, Text: "restart systemd restbase.service"},
				{ID: "check.http.info", Op: plan.OpCheck, Text: "check http.info", Within: lang.Duration(time.Minute)},
			},
		})
	}
	b.Batches = []plan.Batch{
		{Name: "canary", Slices: [][]string{names[:1]}, Confirm: true},
		{Name: "rest", Slices: [][]string{names[1:]}},
	}
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = plan.Decode(data); err != nil {
		t.Fatal(err)
	}
	return p
}

// A site is a server with one run that is under way.
type site struct {
	*testing.T
	dir     journal.Dir
	journal *journal.Journal
	plan    *plan.Plan
	header  journal.Header
	seq     int64
	server  *web.Server
	http    *httptest.Server
	client  *http.Client
	url     string
	said    *lines // what the server noted
}

type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, text)
}

// key is the same for all servers, as one that is started again finds it.
var key = []byte(strings.Repeat("k", 32))

func newSite(t *testing.T, change func(*web.Options)) *site {
	t.Helper()
	s := &site{T: t, dir: journal.Dir(t.TempDir()), plan: fleet(t, 3), said: &lines{}}
	s.header = restbase
	s.begin()
	s.open(change)
	return s
}

// begin records a run, whose process this is.
func (s *site) begin() {
	s.Helper()
	s.header.Time = noon
	s.journal, s.plan = record(s.T, s.dir, theRun, s.plan, s.header)
	s.Cleanup(func() { s.journal.Close() })
	s.say(event.Event{Type: event.RunStarted, Text: "deploy of restbase started by anna@desk"})
}

// record records a run of a plan, in which nothing has happened yet; the plan
// is then as it is read.
func record(t testing.TB, dir journal.Dir, run string, p *plan.Plan, h journal.Header) (*journal.Journal, *plan.Plan) {
	t.Helper()
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = plan.Decode(data); err != nil {
		t.Fatal(err)
	}
	h.Plan = p.Digest
	j, err := journal.Create(string(dir), run, h)
	if err == nil {
		err = journal.SavePlan(string(dir), run, data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, p
}

// open starts a server and a browser that has shown the token.
func (s *site) open(change func(*web.Options)) {
	s.Helper()
	o := web.Options{
		Runs: runs{s.dir}, Version: "test", Now: func() time.Time { return noon.Add(time.Minute) }, Log: s.said.add,
		Access: web.Access{Key: key, By: "anna@desk", Hosts: []string{"127.0.0.1", "localhost"}},
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.server, err = web.New(o); err != nil {
		s.Fatal(err)
	}
	s.http = httptest.NewServer(s.server)
	s.Cleanup(func() {
		s.server.Close()
		s.http.Close()
	})
	s.url = s.http.URL
	s.client = &http.Client{Jar: &jar{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if len(o.Access.Proxies) == 0 {
		s.get("/?token="+o.Access.Token(), http.StatusSeeOther)
	}
}

// jar keeps all cookies, for one site.
type jar struct{ kept []*http.Cookie }

func (j *jar) SetCookies(_ *url.URL, c []*http.Cookie) { j.kept = append(j.kept, c...) }
func (j *jar) Cookies(*url.URL) []*http.Cookie         { return j.kept }

// say adds events to the run.
func (s *site) say(events ...event.Event) {
	s.Helper()
	for _, e := range events {
		s.seq++
		e.Seq, e.Run, e.Time = s.seq, theRun, noon.Add(time.Duration(s.seq)*time.Second)
		if err := s.journal.Append(e); err != nil {
			s.Fatal(err)
		}
	}
}

// get asks for a page and wants an answer.
func (s *site) get(path string, want int, headers ...string) string {
	s.Helper()
	return s.ask(http.MethodGet, path, nil, want, headers...)
}

func (s *site) ask(method, path string, form url.Values, want int, headers ...string) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	if answer.StatusCode != want {
		s.Errorf("%s %s: %s, want %d\n%s", method, path, answer.Status, want, body)
	}
	return string(body)
}

var formField = regexp.MustCompile(`name="form" value="([^"]+)"`)

// form is what forms of the page of the run must bring.
func (s *site) form(headers ...string) string {
	s.Helper()
	m := formField.FindStringSubmatch(s.get("/runs/"+theRun, http.StatusOK, headers...))
	if m == nil {
		s.Fatal("the page of the run has no form")
	}
	return m[1]
}

// wish presses a button of the run's page.
func (s *site) wish(wish string, want int) string {
	s.Helper()
	return s.ask(http.MethodPost, "/runs/"+theRun+"/act", url.Values{"form": {s.form()}, "wish": {wish}}, want, "Accept", "application/json")
}

// intents are what was wished of the run.
func (s *site) intents() []journal.Intent {
	s.Helper()
	all, err := s.dir.Intents(s.Context(), theRun, 0)
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// runs are those of a directory, as the command would give them.
type runs struct{ journal.Dir }

func (r runs) List(ctx context.Context, f web.Filter, most int) ([]view.Run, int, error) {
	all, err := r.Dir.List(ctx)
	var rows []view.Run
	for _, s := range all {
		if f.Service == "" || f.Service == s.Header.Service {
			rows = append(rows, view.Run{Run: s.Run, Service: s.Header.Service, Env: s.Header.Env, Kind: s.Header.Kind, Outcome: "going on", By: s.Header.By, Began: s.Header.Time})
		}
	}
	return rows[:min(len(rows), most)], 0, err
}

func (r runs) Find(ctx context.Context, id string) (string, journal.Store, error) {
	run, err := r.Dir.Find(ctx, id)
	return run, r.Dir, err
}

func (r runs) Steer(_ context.Context, run string) (journal.Store, error) {
	if !journal.Active(r.Path(run)) {
		return nil, errors.New("it is not under way")
	}
	return r.Dir, nil
}

// A message is one of a stream.
type message struct{ id, name, data string }

// A reader follows a stream.
type reader struct {
	*site
	messages chan message
	stop     context.CancelFunc
}

// follow opens a stream; last is the id of the last message, "" for none.
func (s *site) follow(path, last string) *reader {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		s.Fatal(answer.Status)
	}
	f := &reader{s, make(chan message, 1000), stop}
	s.Cleanup(stop)
	go func() {
		defer close(f.messages)
		defer answer.Body.Close()
		lines := bufio.NewReaderSize(answer.Body, 64<<10)
		var m message
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimSuffix(line, "\n")
			if line == "" { // the end of a message
				if m.name != "" {
					f.messages <- m
				}
				m = message{}
				continue
			}
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "id":
				m.id = value
			case "event":
				m.name = value
			case "data":
				m.data = value
			}
		}
	}()
	return f
}

// until reads messages until one is what is wanted.
func (f *reader) until(what string, is func(message) bool) message {
	f.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case m, ok := <-f.messages:
			if !ok {
				f.Fatalf("the stream ended before %s", what)
			}
			if is(m) {
				return m
			}
		case <-late:
			f.Fatalf("no message was %s", what)
		}
	}
}

// seqs are the numbers of the records of a message.
func seqs(t *testing.T, m message) []int64 {
	t.Helper()
	var records []struct{ Seq int64 }
	if err := json.Unmarshal([]byte(m.data), &records); err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, r := range records {
		out = append(out, r.Seq)
	}
	return out
}

// upTo collects records until the one with that number.
func (f *reader) upTo(seq int64) []int64 {
	f.Helper()
	var all []int64
	for len(all) == 0 || all[len(all)-1] < seq {
		all = append(all, seqs(f.T, f.until("records", func(m message) bool { return m.name == "records" }))...)
	}
	return all
}
