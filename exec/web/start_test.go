package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"shipit/exec/plan"
	"shipit/exec/web"
)

// starter plans what it was given, and notes what it was asked.
type starter struct {
	data []byte
	err  error

	mu    sync.Mutex
	asked []string
}

func (f *starter) List(context.Context) ([]web.Definition, error) {
	return []web.Definition{{File: "restbase.hcl", Path: "/d/restbase.hcl", Services: []string{"restbase"}, Environments: []string{"beta", "production"}}}, nil
}

func (f *starter) Plan(_ context.Context, d web.Definition, env, release, file, by string) (string, error) {
	f.note("plan", d.Path, env, release, by)
	if f.err != nil {
		return "it said this <b>", f.err
	}
	return "", os.WriteFile(file, f.data, 0o600)
}

func (f *starter) Apply(_ context.Context, d web.Definition, file, by string) (string, string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	set, err := plan.DecodeSet(data)
	if err != nil {
		return "", "", err
	}
	f.note("apply", d.Path, set.Digest, by)
	return theRun, "", nil
}

func (f *starter) note(words ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, strings.Join(words, " "))
}

func (f *starter) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.asked, "\n")
}

// newStart is a site from which something can be started.
func newStart(t *testing.T, f *starter) *site {
	t.Helper()
	dir := t.TempDir()
	return newSite(t, func(o *web.Options) { o.Starts, o.Plans = f, dir })
}

// post sends a form and gives where the browser is sent.
func (s *site) post(path string, form url.Values) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	answer.Body.Close()
	return answer.Header.Get("Location")
}

// planned waits for the page of a plan to be about more than waiting.
func (s *site) planned(path string) string {
	s.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if page := s.get(path, http.StatusOK); !strings.Contains(page, "<h1>Planning") {
			return page
		}
	}
	s.Fatal("it plans for ever")
	return ""
}

var digestField = regexp.MustCompile(`name="digest" value="([^"]+)"`)

func TestWhatIsAppliedIsThePlanThatWasShownAndOnce(t *testing.T) {
	t.Parallel()
	f := &starter{}
	s := newStart(t, f)
	var err error
	if f.data, err = plan.Encode(s.plan); err != nil {
		t.Fatal(err)
	}
	form := s.form()
	job := s.post("/start", url.Values{"form": {form}, "definition": {"restbase.hcl"}, "environment": {"beta"}, "release": {"v2"}})
	page := s.planned(job)
	m := digestField.FindStringSubmatch(page)
	if m == nil || m[1] != s.plan.Digest || !strings.Contains(page, "/etc/rb.conf") {
		t.Fatalf("the page of the plan does not show it with its digest %s:\n%s", s.plan.Digest, page)
	}
	s.ask(http.MethodPost, job+"/apply", url.Values{"form": {form}, "digest": {"sha256:other"}}, http.StatusConflict)
	if to := s.post(job+"/apply", url.Values{"form": {form}, "digest": {m[1]}}); to != "/runs/"+theRun {
		t.Errorf("after the apply the browser is sent to %q", to)
	}
	s.ask(http.MethodPost, job+"/apply", url.Values{"form": {form}, "digest": {m[1]}}, http.StatusConflict)
	want := "plan /d/restbase.hcl beta v2 anna@desk\napply /d/restbase.hcl " + s.plan.Digest + " anna@desk"
	if got := f.said(); got != want {
		t.Errorf("it was asked\n%s\nwant\n%s", got, want)
	}
	if page := s.get(job, http.StatusOK); strings.Contains(page, "Apply this plan") {
		t.Error("a plan that was applied can be applied again")
	}
}

func TestAPlanThatWasChangedOnDiskIsNotApplied(t *testing.T) {
	t.Parallel()
	f := &starter{}
	dir := t.TempDir()
	s := newSite(t, func(o *web.Options) { o.Starts, o.Plans = f, dir })
	var err error
	if f.data, err = plan.Encode(s.plan); err != nil {
		t.Fatal(err)
	}
	job := s.post("/start", url.Values{"form": {s.form()}, "definition": {"restbase.hcl"}, "environment": {"beta"}})
	s.planned(job)
	other := fleet(t, 2)
	data, err := plan.Encode(other)
	if err != nil {
		t.Fatal(err)
	}
	file := dir + "/" + strings.TrimPrefix(job, "/start/") + ".shipit-plan.json"
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.get(job, http.StatusInternalServerError)
	s.post(job+"/apply", url.Values{"form": {s.form()}, "digest": {s.plan.Digest}})
	if strings.Contains(f.said(), "apply") {
		t.Errorf("another plan than the one that was shown is applied:\n%s", f.said())
	}
}

func TestOnlyWhatIsOfferedIsPlanned(t *testing.T) {
	t.Parallel()
	f := &starter{err: errors.New("no plan was made: the hosts are gone")}
	s := newStart(t, f)
	form := s.form()
	for _, bad := range []url.Values{
		{"definition": {"/etc/passwd"}, "environment": {"beta"}},
		{"definition": {"restbase.hcl"}, "environment": {"--help"}},
		{"definition": {"restbase.hcl"}, "environment": {""}},
		{"definition": {"restbase.hcl"}, "environment": {"beta"}, "release": {"--out=/etc/x"}},
		{"definition": {"restbase.hcl"}, "environment": {"beta"}, "release": {"a\nb"}},
	} {
		bad.Set("form", form)
		s.ask(http.MethodPost, "/start", bad, http.StatusBadRequest)
	}
	if f.said() != "" {
		t.Errorf("it was asked %s", f.said())
	}
	job := s.post("/start", url.Values{"form": {form}, "definition": {"restbase.hcl"}, "environment": {"beta"}})
	page := s.planned(job)
	if !strings.Contains(page, "the hosts are gone") || !strings.Contains(page, "it said this &lt;b&gt;") || strings.Contains(page, "Apply this plan") {
		t.Errorf("the page of a plan that failed is\n%s", page)
	}
}
