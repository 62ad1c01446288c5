package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"shipit/lang/diag"
)

// Access says who may ask, and who may do more than look.
type Access struct {
	// Key is what tokens are made from: random and secret, at least 32 bytes.
	Key []byte
	// By is who asks with the token: the one who started the server. They may
	// do anything.
	By string
	// Hosts are the names that the server may be asked by, as a browser says
	// them in Host, without a port. Others are refused: a name that somebody
	// else's DNS points here is no reason to answer.
	Hosts []string
	// Secure says that browsers reach the server by TLS.
	Secure bool

	// Proxies, where there are any, are who may ask, and say in UserHeader for
	// whom. Then there is no token.
	Proxies    []netip.Prefix
	Unix       bool // whoever may use the socket is a proxy
	UserHeader string
	Deployers  []string // the users who may do more than look
}

// check refuses what would let anybody in.
func (a *Access) check() error {
	switch {
	case len(a.Key) < 32:
		return errors.New("internal error: the key is too short")
	case len(a.Hosts) == 0:
		return errors.New("internal error: the server has no name")
	case a.proxied() && a.UserHeader == "":
		return errors.New("a trusted proxy must say in a header who asks: --user-header")
	}
	return nil
}

func (a *Access) proxied() bool { return len(a.Proxies) > 0 || a.Unix }

// derive makes a secret for one purpose.
func (a *Access) derive(purpose string) string {
	mac := hmac.New(sha256.New, a.Key)
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Token is what opens the server to who knows it.
func (a *Access) Token() string { return a.derive("token")[:32] }

// Reader is what opens the pages for programs, and nothing else, to who sends
// it as a bearer token: a program that reads keeps no cookie, and need not be
// able to deploy.
func (a *Access) Reader() string { return a.derive("reader")[:32] }

// same compares in a time that tells nothing.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// A person is who asks.
type person struct {
	name    string
	deploys bool
	form    string // what a form of theirs must bring
}

type personKey struct{}

// who is the person of a request that passed the guard.
func who(r *http.Request) person {
	p, _ := r.Context().Value(personKey{}).(person)
	return p
}

// named takes a request in the name of a person.
func (a *Access) named(r *http.Request, name string, deploys bool) *http.Request {
	p := person{name: name, deploys: deploys, form: a.derive("form of " + name)}
	return r.WithContext(context.WithValue(r.Context(), personKey{}, p))
}

// hostAllowed tells whether the server may be asked by this name.
func (a *Access) hostAllowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	return slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(strings.Trim(h, "[]"), name) })
}

// cookie is what the browser of a person keeps. Its name has the port, which
// browsers do not keep cookies apart by.
func (a *Access) cookie(r *http.Request) *http.Cookie {
	name := "shipit"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		name += "-" + port
	}
	return &http.Cookie{
		Name: name, Value: a.derive("cookie"), Path: "/", HttpOnly: true, Secure: a.Secure, SameSite: http.SameSiteStrictMode,
	}
}

// identify finds out who asks. A nil request means that it was answered.
func (s *Server) identify(w http.ResponseWriter, r *http.Request) *http.Request {
	a := &s.o.Access
	if a.proxied() {
		return s.fromProxy(w, r)
	}
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.forPrograms(r) && same(given, a.Reader()) {
		return a.named(r, "a program", false)
	}
	if given := r.URL.Query().Get("token"); given != "" && r.Method == http.MethodGet {
		if !same(given, a.Token()) {
			s.fail(w, r, http.StatusUnauthorized, "That token does not open this server. shipit serve prints the address with the one that does; after --new-token older ones are void.")
			return nil
		}
		http.SetCookie(w, a.cookie(r))
		http.Redirect(w, r, without(r.URL, "token"), http.StatusSeeOther)
		return nil
	}
	c := a.cookie(r)
	if got, err := r.Cookie(c.Name); err != nil || !same(got.Value, c.Value) {
		s.fail(w, r, http.StatusUnauthorized, "This browser has not shown the token yet. Open the address that shipit serve printed: it ends in ?token=…")
		return nil
	}
	return a.named(r, a.By, true)
}

// without is the address with one parameter less, on this server.
func without(u *url.URL, name string) string {
	q := u.Query()
	q.Del(name)
	clean := url.URL{Path: "/" + strings.TrimLeft(u.Path, "/\\"), RawQuery: q.Encode()}
	return clean.String()
}

// mostName bounds the name of a user.
const mostName = 128

// fromProxy believes the header of a proxy, and of nobody else.
func (s *Server) fromProxy(w http.ResponseWriter, r *http.Request) *http.Request {
	a := &s.o.Access
	if !a.Unix {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) }) {
			s.fail(w, r, http.StatusForbidden, "This server answers its proxy only.")
			return nil
		}
	}
	names := r.Header.Values(a.UserHeader)
	if len(names) != 1 || names[0] == "" || len(names[0]) > mostName || diag.CleanLine(names[0]) != names[0] {
		s.fail(w, r, http.StatusUnauthorized, "The proxy did not say who asks: it must send the header "+a.UserHeader+" once.")
		return nil
	}
	return a.named(r, names[0], slices.Contains(a.Deployers, names[0]))
}
