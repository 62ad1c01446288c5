package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"shipit/exec/web"
)

// TestEveryChangeIsRefusedTo who may only look, who brings no form of this
// server, who comes from elsewhere, and who does not say what was seen. A
// deployer with the same request is let in, so that each is refused for what it
// is said to be refused for.
func TestEveryChangeIsRefusedTo(t *testing.T) {
	t.Parallel()
	starts := &starter{}
	s := newSite(t, func(o *web.Options) {
		o.Starts, o.Plans = starts, t.TempDir()
		o.Access.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Access.UserHeader, o.Access.Deployers = "X-Forwarded-User", []string{"anna"}
	})
	access := &web.Access{Key: key}
	annas, berts := s.form("X-Forwarded-User", "anna"), access.Form("bert")
	if annas != access.Form("anna") {
		t.Fatal("forms are made of something else")
	}
	// What each request brings for no more than to be let in: it is refused
	// behind the guard, by what it wants.
	let := map[string]struct {
		path string
		form url.Values
		want int
	}{
		"/runs/{run}/act":    {"/runs/" + theRun + "/act", url.Values{"wish": {"retry 1"}}, http.StatusBadRequest}, // no host
		"/start":             {"/start", url.Values{"definition": {"nothing.hcl"}}, http.StatusBadRequest},
		"/start/{job}/apply": {"/start/none/apply", url.Values{"digest": {"sha256:1"}}, http.StatusConflict},
	}
	for _, path := range s.server.Changes() {
		c, ok := let[path]
		if !ok {
			t.Errorf("nobody looks who may POST %s", path)
			continue
		}
		for name, one := range map[string]struct {
			user    string
			form    string
			headers []string
			want    int
		}{
			"a deployer is let in":              {"anna", annas, nil, c.want},
			"a viewer":                          {"bert", berts, nil, http.StatusForbidden},
			"a viewer with another's form":      {"bert", annas, nil, http.StatusForbidden},
			"nobody":                            {"", annas, nil, http.StatusUnauthorized},
			"a deployer without a form":         {"anna", "", nil, http.StatusForbidden},
			"a deployer with a wrong form":      {"anna", annas[1:] + "x", nil, http.StatusForbidden},
			"a deployer by a wrong name":        {"anna", annas, []string{"Host", "evil.example"}, http.StatusMisdirectedRequest},
			"a deployer from another site":      {"anna", annas, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
			"a deployer of that site, long ago": {"anna", annas, []string{"Sec-Fetch-Site", "", "Origin", "http://evil.example"}, http.StatusForbidden},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				b := *s
				b.T = t
				form := url.Values{"form": {one.form}}
				for k, v := range c.form {
					form[k] = v
				}
				headers := one.headers
				if one.user != "" {
					headers = append(headers, "X-Forwarded-User", one.user)
				}
				b.ask(http.MethodPost, c.path, form, one.want, headers...)
			})
		}
	}
	for _, wish := range []string{"pause", "pause -1", "pause x", "abort", "skip rb003", "retry rb003", "answer continue"} {
		form := url.Values{"form": {annas}, "wish": {wish}}
		said := s.ask(http.MethodPost, "/runs/"+theRun+"/act", form, http.StatusBadRequest, "X-Forwarded-User", "anna")
		if !strings.Contains(said, "Nothing was done") {
			t.Errorf("%q is answered\n%s", wish, said)
		}
	}
	if n := len(s.intents()); n > 0 || starts.said() != "" {
		t.Errorf("%d wishes reached the run, and this was started: %s", n, starts.said())
	}
}

// TestAProxyIsBelievedByItsAddressOnly asks with the same header from an
// address of the proxy's and from another.
func TestAProxyIsBelievedByItsAddressOnly(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]int{
		"127.0.0.1/32": http.StatusOK, "127.0.0.0/8": http.StatusOK, "192.0.2.0/24": http.StatusForbidden, "127.0.0.2/32": http.StatusForbidden, "::1/128": http.StatusForbidden,
	} {
		s := newSite(t, func(o *web.Options) {
			o.Access.Proxies = []netip.Prefix{netip.MustParsePrefix(from)}
			o.Access.UserHeader, o.Access.Deployers = "X-Forwarded-User", []string{"anna"}
		})
		page := s.get("/", want, "X-Forwarded-User", "anna", "X-Forwarded-For", "192.0.2.1")
		if strings.Contains(page, "anna") != (want == http.StatusOK) {
			t.Errorf("to a proxy of %s it says\n%s", from, page)
		}
	}
}
