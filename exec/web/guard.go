package web

import (
	"net/http"

	"shipit/lang/diag"
)

// policy lets a page load what this server has, and nothing that stands in
// the page itself run.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// onlyTLS keeps a browser, for 30 days, from asking this name without TLS.
const onlyTLS = "max-age=2592000"

// Bounds on what a request may bring.
const (
	mostBody = 64 << 10
	mostURL  = 4 << 10
)

// guarded is what every request passes, in this order: it has bounds and the
// server is asked by a name of its own; nothing is changed for another site's
// page; somebody known asks.
func (s *Server) guarded(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", onlyTLS)
		}
		switch {
		case len(r.URL.RawQuery) > mostURL || len(r.URL.Path) > mostURL:
			s.fail(w, r, http.StatusRequestURITooLong, "The address is too long.")
			return
		case !s.o.Access.hostAllowed(r.Host):
			s.fail(w, r, http.StatusMisdirectedRequest, "This server is not known by that name; --host NAME allows one more.")
			return
		}
		if err := foreign.Check(r); err != nil {
			s.fail(w, r, http.StatusForbidden, "That came from a page of another site, and was not done.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		if r = s.identify(w, r); r != nil {
			next.ServeHTTP(w, r)
		}
	})
}

// deployers lets only those pass who may change something, from a form that
// this server made for them.
func (s *Server) deployers(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := who(r)
		if !p.deploys {
			s.fail(w, r, http.StatusForbidden, p.name+" may look, and not change anything: --deployers names who may.")
			return
		}
		if err := r.ParseForm(); err != nil {
			s.fail(w, r, http.StatusBadRequest, "The form cannot be read.")
			return
		}
		if !same(r.PostForm.Get("form"), p.form) {
			s.fail(w, r, http.StatusForbidden, "The form is not one that this server made for "+p.name+". Load the page again.")
			return
		}
		next(w, r)
	}
}

// note logs a line.
func (s *Server) note(text string) {
	if s.o.Log != nil {
		s.o.Log(diag.CleanLine(text))
	}
}
