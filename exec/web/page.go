package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"shipit/exec/journal"
	"shipit/exec/view"
	"shipit/lang/diag"
)

//go:embed templates assets
var files embed.FS

// templates are all pages; html/template escapes what they are given by where
// it stands. They are parsed for the first page: no other command waits for it.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"clean":  diag.CleanLine,
		"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"stamp":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"took":   view.Took,
		"join":   strings.Join,
		"digest": short,
		"commit": shortCommit,
		"part":   url.PathEscape, // of an address
	}).ParseFS(files, "templates/*.html"))
})

// shortCommit is as much of a commit as people compare.
func shortCommit(id string) string { return diag.CleanLine(id[:min(len(id), 12)]) }

// short is as much of a digest as people compare.
func short(digest string) string {
	const algorithm = "sha256:"
	hex, ok := strings.CutPrefix(digest, algorithm)
	if !ok || len(hex) < 12 {
		return digest
	}
	return algorithm + hex[:12]
}

// A frame is what every page has.
type frame struct {
	Title   string
	Here    string // which part of the navigation the page belongs to
	Person  string
	Deploys bool
	Starts  bool   // something can be started from here
	Form    string // what forms must bring
	Version string
	Refresh int // seconds after which a browser without scripts asks again; 0 is never
}

func (s *Server) frame(r *http.Request, title, here string) frame {
	p := who(r)
	return frame{
		Title: title, Here: here, Person: p.name, Deploys: p.deploys, Starts: s.o.Starts != nil, Form: p.form, Version: s.o.Version,
	}
}

// page answers with a template. It is drawn whole before a byte is sent.
func (s *Server) page(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		panic("internal error: " + err.Error())
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = b.WriteTo(w) // a reader that is gone needs no answer
}

// draw is a part of a page as text.
func draw(name string, data any) string {
	var b strings.Builder
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		panic("internal error: " + err.Error())
	}
	return b.String()
}

// asJSON answers a script.
func (s *Server) asJSON(w http.ResponseWriter, code int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(data)
}

// scripted tells whether a script asks, and not a person's browser by itself.
func scripted(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }

// fail says why something was not done.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, code int, text string) {
	text = diag.CleanLine(text)
	if scripted(r) {
		s.asJSON(w, code, map[string]string{"problem": text})
		return
	}
	s.page(w, code, "problem", struct {
		frame
		Code int
		Name string
		Text string
	}{s.frame(r, http.StatusText(code), ""), code, http.StatusText(code), text})
}

// cannot says that something cannot be read or done, by its error.
func (s *Server) cannot(w http.ResponseWriter, r *http.Request, err error) {
	var none *journal.NoRunError
	switch {
	case errors.As(err, &none):
		s.fail(w, r, http.StatusNotFound, err.Error())
	case r.Context().Err() != nil: // nobody waits for it any more
	default:
		s.note(fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
		s.fail(w, r, http.StatusInternalServerError, err.Error())
	}
}

// An asset is a file that pages load.
type asset struct {
	data []byte
	kind string
	tag  string
}

var assets = readAssets()

func readAssets() map[string]asset {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]asset{}
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	for _, e := range entries {
		data, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			panic("internal error: " + err.Error())
		}
		sum := sha256.Sum256(data)
		all[e.Name()] = asset{data, kinds[path.Ext(e.Name())], `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	}
	return all
}

// asset answers with a file of the program itself.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[r.PathValue("file")]
	if !ok {
		s.fail(w, r, http.StatusNotFound, "There is no such file.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", a.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
}
