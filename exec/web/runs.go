package web

import (
	"net/http"

	"shipit/exec/view"
)

// mostRows is how many runs the list shows.
const mostRows = 100

// listPage is the runs, newest first, by a filter.
func (s *Server) listPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := Filter{Service: q.Get("service"), Env: q.Get("environment"), User: q.Get("user"), Outcome: q.Get("outcome"), Release: q.Get("release")}
	rows, more, err := s.o.Runs.List(r.Context(), f, mostRows)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	page := struct {
		frame
		Filter   Filter
		Filtered bool
		Rows     []view.Run
		More     int
		Going    []view.Run
		Outcomes []string
	}{
		frame: s.frame(r, "Runs", "runs"), Filter: f, Filtered: f != Filter{}, Rows: rows, More: more,
		Outcomes: []string{"done", "rolled-back", "mixed", "aborted", "refused", "going-on", "interrupted", "not-begun"},
	}
	page.Refresh = 10
	for _, row := range rows {
		if row.Outcome == "going on" {
			page.Going = append(page.Going, row)
		}
	}
	s.page(w, http.StatusOK, "runs", page)
}
