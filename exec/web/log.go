package web

import (
	"net/http"
	"strconv"
	"strings"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// logPage is the records of a run, searched and by number.
func (s *Server) logPage(w http.ResponseWriter, r *http.Request) {
	rec, err := s.load(r)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	q := r.URL.Query()
	page := struct {
		runFrame
		Query, Host string
		Steps       bool
		Rows        []row
		Found       int
		First, Next int64 // records at which the pages before and after begin; 0 is none
	}{
		runFrame: s.runFrame(r, rec, "log"), Query: q.Get("q"), Host: q.Get("host"), Steps: q.Get("steps") != "",
	}
	from, _ := strconv.ParseInt(q.Get("from"), 10, 64) // where it is none: from the beginning
	query := strings.ToLower(page.Query)
	var before []int64
	for e, err := range journal.All(r.Context(), rec.store, rec.run, 0) {
		if err != nil {
			s.cannot(w, r, err)
			return
		}
		line := rowOf(e)
		if line.Minor && !page.Steps || page.Host != "" && line.Host != page.Host || query != "" && !line.has(query) {
			continue
		}
		page.Found++
		switch {
		case line.Seq < from:
			before = append(before, line.Seq)
		case len(page.Rows) < rowsOnPage:
			page.Rows = append(page.Rows, line)
		case page.Next == 0:
			page.Next = line.Seq
		}
	}
	if n := len(before); n > 0 {
		page.First = before[max(0, n-rowsOnPage)]
	}
	s.page(w, http.StatusOK, "log", page)
}

// logFile is the records as the journal has them, in lines of JSON.
func (s *Server) logFile(w http.ResponseWriter, r *http.Request) {
	rec, err := s.load(r)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/jsonl; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+rec.run+`.events.jsonl"`)
	for e, err := range journal.All(r.Context(), rec.store, rec.run, 0) {
		if err != nil {
			return // what was sent is whole lines
		}
		line, err := event.Encode(e)
		if err != nil {
			return
		}
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}
