package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/lang/diag"
)

// What people can want of a run, in the words of intents.
const (
	doPause    = "pause"
	doContinue = "continue"
	doAnswer   = "answer"
	doAbort    = "abort"
	doRetry    = "retry"
	doSkip     = "skip"
)

// decided tells of an event whether it changes what a person saw who decided
// to do something: then they should look again.
func decided(i journal.Intent, e event.Event) bool {
	switch e.Type {
	case event.RunFinished, event.RunResumed, event.Aborted, event.RollingBack:
		return true
	case event.Asked, event.Answered, event.GatePassed, event.GateRefused:
		return i.Do == doAnswer
	case event.Paused, event.Continued:
		return i.Do == doPause || i.Do == doContinue
	case event.HostStarted, event.HostSkipped, event.HostRetried:
		return i.Host != "" && e.Host == i.Host
	}
	return false
}

// answeredWithin is how long a run is waited for; it may take longer, and its
// page shows what became of the wish.
const answeredWithin = 5 * time.Second

// wished reads what a button says: what to do, the number of the event that the
// person saw last, and of an answer the choice, or the host. That may be
// chosen beside the button.
func wished(form url.Values) (i journal.Intent, seq int64, err error) {
	words := strings.SplitN(form.Get("wish"), " ", 3)
	if len(words) < 2 {
		return i, 0, errors.New("the form does not say what to do, and which event was seen last")
	}
	if seq, err = strconv.ParseInt(words[1], 10, 64); err != nil || seq < 0 {
		return i, 0, errors.New("the form does not say which event was seen last")
	}
	i.Do = words[0]
	switch {
	case i.Do == doAnswer && len(words) == 3:
		i.Choice = words[2]
	case i.Do == doAnswer:
		return i, 0, errors.New("the answer is missing")
	case i.Do == doRetry || i.Do == doSkip:
		switch {
		case len(words) == 3:
			i.Host = words[2]
		case i.Do == doRetry:
			i.Host = form.Get("retried")
		default:
			i.Host = form.Get("host")
		}
		if i.Host == "" {
			return i, 0, errors.New("no host is chosen")
		}
	case len(words) == 3 || !slices.Contains([]string{doPause, doContinue, doAbort}, i.Do):
		return i, 0, errors.New("there is no such action")
	}
	return i, seq, nil
}

// act hands a wish to the process that drives a run. It must say which event
// the person saw last.
func (s *Server) act(w http.ResponseWriter, r *http.Request) {
	i, seq, err := wished(r.PostForm)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, "Nothing was done: "+err.Error()+".")
		return
	}
	i.By, i.Time = who(r).name, s.o.Now().UTC()
	ctx := r.Context()
	run, _, err := s.o.Runs.Find(ctx, r.PathValue("run"))
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	store, err := s.o.Runs.Steer(ctx, run)
	if err != nil {
		s.fail(w, r, http.StatusConflict, "Nothing was done: "+err.Error())
		return
	}
	last := seq
	for e, err := range journal.All(ctx, store, run, seq) {
		if err != nil {
			s.cannot(w, r, err)
			return
		}
		if decided(i, e) {
			s.fail(w, r, http.StatusConflict, fmt.Sprintf(
				"Nothing was done: you saw the run as it was at event %d, and since then, at event %d: %s. Look again, and decide anew.",
				seq, e.Seq, diag.CleanLine(e.Text)))
			return
		}
		last = e.Seq
	}
	n, err := store.Intend(ctx, run, i)
	if err != nil {
		s.cannot(w, r, err)
		return
	}
	s.note(strings.TrimSpace(fmt.Sprintf("%s wants run %s to %s %s", i.By, run, i.Do, i.Choice+i.Host)))
	s.acted(w, r, run, store, last, n)
}

// acted waits a little for what became of a wish, and says it.
func (s *Server) acted(w http.ResponseWriter, r *http.Request, run string, store journal.Store, seq, n int64) {
	ctx, cancel := context.WithTimeout(r.Context(), answeredWithin)
	defer cancel()
	text := ""
	for text == "" && ctx.Err() == nil {
		if more, err := store.Events(ctx, run, seq); err == nil && len(more) > 0 {
			seq = more[len(more)-1].Seq
			text = answerTo(more, n)
		}
		if text == "" {
			select {
			case <-ctx.Done():
			case <-time.After(journal.LookEvery):
			}
		}
	}
	if scripted(r) {
		if text == "" {
			text = "Handed in; the run has not answered yet. Its log will."
		}
		s.asJSON(w, http.StatusOK, map[string]string{"text": text})
		return
	}
	to := "/runs/" + url.PathEscape(run)
	if host := r.PostForm.Get("page"); host != "" { // which has its buttons, too
		to += "/hosts/" + url.PathEscape(host)
	}
	http.Redirect(w, r, fmt.Sprintf("%s?told=%d", to, n), http.StatusSeeOther)
}

// answerTo is what became of the intent of that number, "" where nothing did
// yet.
func answerTo(events []event.Event, n int64) string {
	for _, e := range events {
		if e.Intent == n {
			return diag.CleanLine(e.Text)
		}
	}
	return ""
}
