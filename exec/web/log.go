package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// A logWanted is which records somebody looks for.
type logWanted struct {
	Query, Host string
	Steps       bool  // the minor ones, too
	From        int64 // the first record that is shown; 0 is from the beginning
	UpTo        int64 // the last record that there is for this reader; 0 is all
	Newest      bool  // the last ones, and not the first
}

// A logFound is what was found of it: a page of rows.
type logFound struct {
	logWanted
	Rows        []row
	Found       int
	First, Next int64 // records at which the pages before and after begin; 0 is none
}

// number is one that a person typed, 0 where it is none.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return max(n, 0)
}

// search finds records. It reads all that is recorded.
func (s *Server) search(ctx context.Context, rec *recorded, want logWanted) (logFound, error) {
	out, query := logFound{logWanted: want}, strings.ToLower(want.Query)
	done, err := s.reading(ctx)
	if err != nil {
		return out, err
	}
	defer done()
	var before []int64
	for e, err := range journal.All(ctx, rec.store, rec.run, 0) {
		if err != nil {
			return out, err
		}
		if want.UpTo > 0 && e.Seq > want.UpTo {
			break
		}
		if want.Host != "" && e.Host != want.Host {
			continue
		}
		line := rowOf(e)
		if line.Minor && !want.Steps || query != "" && !line.has(query) {
			continue
		}
		out.Found++
		switch {
		case line.Seq < want.From:
			before = append(before, line.Seq)
		case len(out.Rows) < rowsOnPage:
			out.Rows = append(out.Rows, line)
		case want.Newest:
			before = append(before, out.Rows[0].Seq)
			out.Rows = append(slices.Delete(out.Rows, 0, 1), line)
		case out.Next == 0:
			out.Next = line.Seq
		}
	}
	if n := len(before); n > 0 {
		out.First = before[max(0, n-rowsOnPage)]
	}
	return out, nil
}

// logPage is the records of a run, searched and by number.
func (s *Server) logPage(w http.ResponseWriter, r *http.Request, rec *recorded) {
	q := r.URL.Query()
	want := logWanted{Query: q.Get("q"), Host: q.Get("host"), Steps: q.Get("steps") != "", From: number(q.Get("from"))}
	found, err := s.search(r.Context(), rec, want)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	s.page(w, http.StatusOK, "log", struct {
		runFrame
		logFound
	}{s.runFrame(r, rec, "log"), found})
}

// logFile is the records as the journal has them, in lines of JSON.
func (s *Server) logFile(w http.ResponseWriter, r *http.Request, rec *recorded) {
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
