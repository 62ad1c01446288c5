package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"shipit/exec/event"
	"shipit/exec/web"
)

func TestTheTokenBecomesACookieAndLeavesTheAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	token := (&web.Access{Key: key}).Token()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/runs/"+theRun+"?token="+token+"&told=3", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if to := answer.Header.Get("Location"); to != "/runs/"+theRun+"?told=3" {
		t.Errorf("the browser is sent to %q", to)
	}
	cookie := answer.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q is not %s", cookie, want)
		}
	}
	if strings.Contains(cookie, token) {
		t.Error("the cookie is the token, which stands in the history of browsers")
	}
}

func TestWhoIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	form, cookies := s.form(), s.client.Jar
	pause := url.Values{"wish": {"pause 1"}, "form": {form}}
	act := "/runs/" + theRun + "/act"
	for name, c := range map[string]struct {
		method, path string
		form         url.Values
		headers      []string
		stranger     bool // has no cookie
		want         int
	}{
		"without a token":                    {path: "/", stranger: true, want: http.StatusUnauthorized},
		"with a wrong token":                 {path: "/?token=wrong", stranger: true, want: http.StatusUnauthorized},
		"assets without a token":             {path: "/assets/style.css", stranger: true, want: http.StatusUnauthorized},
		"a stream without a token":           {path: "/runs/" + theRun + "/events", stranger: true, want: http.StatusUnauthorized},
		"by the name of another site":        {path: "/", headers: []string{"Host", "evil.example"}, want: http.StatusMisdirectedRequest},
		"that name, with a port":             {path: "/", headers: []string{"Host", "evil.example:80"}, want: http.StatusMisdirectedRequest},
		"a name that ends like ours":         {path: "/", headers: []string{"Host", "evil.127.0.0.1"}, want: http.StatusMisdirectedRequest},
		"an action from another site's page": {method: "POST", path: act, form: pause, headers: []string{"Sec-Fetch-Site", "cross-site"}, want: http.StatusForbidden},
		"an action from a page next door":    {method: "POST", path: act, form: pause, headers: []string{"Sec-Fetch-Site", "same-site"}, want: http.StatusForbidden},
		"an action of an old browser's page": {method: "POST", path: act, form: pause, headers: []string{"Sec-Fetch-Site", "", "Origin", "http://evil.example"}, want: http.StatusForbidden},
		"an action without a form's token":   {method: "POST", path: act, form: url.Values{"wish": {"pause 1"}}, want: http.StatusForbidden},
		"an action with another's token":     {method: "POST", path: act, form: url.Values{"wish": {"pause 1"}, "form": {"x"}}, want: http.StatusForbidden},
		"an action by address":               {path: act + "?wish=pause+1&form=" + form, want: http.StatusNotFound},
		"a form in the address":              {method: "POST", path: act + "?form=" + form, form: url.Values{"wish": {"pause 1"}}, want: http.StatusForbidden},
		"an endless form":                    {method: "POST", path: act, form: url.Values{"form": {form}, "x": {strings.Repeat("x", 1<<20)}}, want: http.StatusBadRequest},
		"an endless address":                 {path: "/?service=" + strings.Repeat("x", 5000), want: http.StatusRequestURITooLong},
		"a run that is a path":               {path: "/runs/..%2f..%2fetc%2fpasswd", want: http.StatusInternalServerError},
		"a run that is not there":            {path: "/runs/20010101T000000Z-aaaa", want: http.StatusNotFound},
		"a file that is none of ours":        {path: "/assets/..%2fweb.go", want: http.StatusNotFound},
		"a wish without what was seen":       {method: "POST", path: act, form: url.Values{"form": {form}, "wish": {"pause"}}, want: http.StatusBadRequest},
		"a wish that is none":                {method: "POST", path: act, form: url.Values{"form": {form}, "wish": {"explode 1"}}, want: http.StatusBadRequest},
		"starting where nothing is offered":  {method: "POST", path: "/start", form: url.Values{"form": {form}}, want: http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			b := *s
			b.T, b.client = t, &http.Client{Jar: cookies, CheckRedirect: s.client.CheckRedirect}
			if c.stranger {
				b.client.Jar = nil
			}
			if c.method == "" {
				c.method = http.MethodGet
			}
			b.ask(c.method, c.path, c.form, c.want, c.headers...)
		})
	}
	if n := len(s.intents()); n > 0 {
		t.Errorf("%d of those that were refused reached the run", n)
	}
}

func TestEveryAnswerForbidsWhatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, path := range []string{"/", "/runs/" + theRun, "/assets/run.js", "/nothing", "/?token=wrong"} {
		answer, err := s.client.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if !strings.Contains(answer.Header.Get(header), want) {
				t.Errorf("%s: %s is %q, want %s", path, header, answer.Header.Get(header), want)
			}
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %s", path, policy)
		}
	}
}

func TestNothingInThePagesIsInlineOrFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, path := range []string{"/", "/runs/" + theRun, "/runs/" + theRun + "/log", "/runs/" + theRun + "/plan", "/runs/" + theRun + "/timeline", "/runs/" + theRun + "/hosts/rb001", "/runs/" + theRun + "/replay"} {
		page := s.get(path, http.StatusOK)
		for _, bad := range []string{" style=", " onclick=", "<style", "javascript:", "http://", "https://", "src=\"//"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
		if n := strings.Count(page, "<script"); n != strings.Count(page, `<script type="module" src="/assets/`) {
			t.Errorf("%s has a script that is not an asset:\n%s", path, page)
		}
	}
}

func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	proxied := func(from string) func(*web.Options) {
		return func(o *web.Options) {
			o.Access.Proxies = []netip.Prefix{netip.MustParsePrefix(from)}
			o.Access.UserHeader, o.Access.Deployers = "X-Forwarded-User", []string{"anna"}
		}
	}
	s := newSite(t, proxied("127.0.0.0/8"))
	s.get("/", http.StatusUnauthorized)
	s.get("/?token="+(&web.Access{Key: key}).Token(), http.StatusUnauthorized)
	s.get("/", http.StatusUnauthorized, "X-Forwarded-User", "an\u202ena")
	if page := s.get("/", http.StatusOK, "X-Forwarded-User", "bert"); !strings.Contains(page, "bert · may look") {
		t.Errorf("a viewer is not told so:\n%s", page)
	}
	page := s.get("/runs/"+theRun, http.StatusOK, "X-Forwarded-User", "bert")
	if strings.Contains(page, "<button form=") || strings.Contains(page, `name="form"`) {
		t.Errorf("a viewer has buttons:\n%s", page)
	}
	annas := s.form("X-Forwarded-User", "anna")
	wish := url.Values{"form": {annas}, "wish": {"pause 1"}}
	s.ask(http.MethodPost, "/runs/"+theRun+"/act", wish, http.StatusForbidden, "X-Forwarded-User", "bert")
	if len(s.intents()) > 0 {
		t.Error("a viewer paused the run")
	}
	s.obey(event.Event{Type: event.Paused, By: "anna", Text: "paused by anna"})
	s.ask(http.MethodPost, "/runs/"+theRun+"/act", wish, http.StatusSeeOther, "X-Forwarded-User", "anna")
	if all := s.intents(); len(all) != 1 || all[0].By != "anna" || all[0].Do != "pause" {
		t.Errorf("the wish is %+v, want a pause by anna", all)
	}

	far := newSite(t, proxied("192.0.2.0/24"))
	far.get("/", http.StatusForbidden, "X-Forwarded-User", "anna")
}

func TestBindBeyondThisMachineOnlyBehindSomething(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true,
		"0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false, "[::]:0": false, "example.org:0": false, "nonsense": false,
	} {
		l, err := web.Bind(t.Context(), address, false)
		if (err == nil) != want && !strings.Contains(err.Error(), "cannot assign") {
			t.Errorf("Bind(%s): %v, want it to work: %v", address, err, want)
		}
		if err == nil {
			l.Close()
		}
	}
	l, err := web.Bind(t.Context(), "0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
