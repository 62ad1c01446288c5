package web

import (
	"net/http"
	"strconv"

	"shipit/exec/event"
)

// replayPage is a run as it stood after one of its events.
func (s *Server) replayPage(w http.ResponseWriter, r *http.Request, rec *recorded) {
	last := rec.Last
	at, err := strconv.ParseInt(r.URL.Query().Get("at"), 10, 64)
	if err != nil || at > last {
		at = last
	}
	at = max(at, 0)
	f, newest := foldOf(rec, at)
	v := viewer{}
	page := struct {
		runFrame
		At, Before, After int64
		Sections          []drawnSection
		Row               row
	}{At: at, Before: max(0, at-1), After: min(last, at+1)}
	if newest.Seq > 0 {
		page.Row = rowOf(newest)
	}
	sections := s.sections(f.scene(newest.Time, v), v, false, at)
	if scripted(r) {
		s.asJSON(w, http.StatusOK, map[string]any{"at": at, "row": page.Row, "sections": sections})
		return
	}
	page.runFrame, page.Sections = s.runFrame(r, rec, "replay"), drawn(sections)
	s.page(w, http.StatusOK, "replay", page)
}

// mostTimes bounds the steps of a replay.
const mostTimes = 4000

// times is when the events of a run happened: pairs of a number and the
// milliseconds since the first. Of very many some are left out.
func (s *Server) times(w http.ResponseWriter, r *http.Request, rec *recorded) {
	s.asJSON(w, http.StatusOK, timesOf(rec.Events))
}

func timesOf(events []event.Event) [][2]int64 {
	out := [][2]int64{}
	every := 1 + len(events)/mostTimes
	for i, e := range events {
		if i%every == 0 || i == len(events)-1 {
			out = append(out, [2]int64{e.Seq, e.Time.Sub(events[0].Time).Milliseconds()})
		}
	}
	return out
}
