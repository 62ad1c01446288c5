package exec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipit/exec/event"
)

// A Control is what a person wants of a run that is under way. Each gets an
// event: what it brought about, or a note why it brought about nothing.
type Control struct {
	Do     Wish
	By     string
	Choice string // of Answer; "" is yes to a confirmation. Of Stop: what becomes of the run then; "" asks
	Batch  string // of Answer: only if the question is about that batch; "" is any
	Host   string // of Retry and Skip
	Intent int64  // its number where wishes are kept; goes into the event
}

// A Wish is what a Control asks for.
type Wish string

// The wishes.
const (
	Pause    Wish = "pause"    // start no new host for now
	Continue Wish = "continue" // go on after a pause
	Reply    Wish = "answer"   // answer the question that is open
	Retry    Wish = "retry"    // try a host again that failed and is as it was, or that was left out
	Skip     Wish = "skip"     // leave out a host that was not begun
	Stop     Wish = "abort"    // finish what is in flight and start nothing more
)

// mostPaused is how long a run stays paused: it holds the locks of its hosts.
const mostPaused = 12 * time.Hour

// An asked is a question that is open. The first reply is taken.
type asked struct {
	Prompt
	reply chan Control
	sent  *Control
	left  <-chan struct{} // is closed once nobody sits before the run, who could answer; nil where that changes nothing
}

func newAsked(q Prompt) *asked { return &asked{Prompt: q, reply: make(chan Control, 1)} }

// steer does what a person wants, where it makes sense.
func (r *run) steer(c Control) {
	switch paused := r.roll.Paused(); {
	case c.Do == Stop && !r.roll.Aborted():
		r.decide(c)
		r.abort(c, "no new host starts; the steps in flight end first")
	case c.Do == Stop && r.question != nil:
		c.Do, c.Choice = Reply, cmp.Or(c.Choice, choiceLeave)
		r.reply(c)
	case c.Do == Pause && r.roll.GoingBack():
		r.tooLate(c, "it is going back already, and a rollback is not paused")
	case c.Do == Pause && paused == "" && !r.roll.Aborted():
		r.pause(c, fmt.Sprintf("paused by %s: no new host starts until somebody continues the run", c.By))
	case c.Do == Continue && paused != "":
		r.pauseEnds, r.windowWaived = nil, true
		r.record(event.Event{Type: event.Continued, By: c.By, Intent: c.Intent, Text: c.By + " continued the run"})
	case c.Do == Retry:
		r.retry(c)
	case c.Do == Skip:
		r.skip(c)
	case c.Do == Reply:
		r.reply(c)
	default: // also a wish that this version does not know
		is := map[Wish]string{Stop: "it is stopped already", Pause: "it is paused or stopped already", Continue: "it is not paused"}[c.Do]
		if is == "" {
			is = "it cannot do that"
		}
		r.tooLate(c, is)
	}
}

// decide keeps what becomes of the run, where who stops it says so.
func (r *run) decide(c Control) {
	if c.Choice == choiceRollback || c.Choice == choiceLeave {
		r.decided = &c
	}
}

// retry tries a host again, once its turn comes.
func (r *run) retry(c Control) {
	if why := r.roll.Retryable(c.Host); why != "" {
		r.tooLate(c, why)
		return
	}
	if m := r.byName[c.Host]; m != nil {
		m.again, m.armed, m.due = r.roll.Begun(c.Host), time.Time{}, time.Time{} // what its watchdog did is over
	}
	r.record(event.Event{
		Type: event.HostRetried, Host: c.Host, By: c.By, Intent: c.Intent,
		Text: fmt.Sprintf("%s is tried again, as %s asked, before the next slice starts", c.Host, c.By),
	})
}

// skip leaves a host out.
func (r *run) skip(c Control) {
	if why := r.roll.Skippable(c.Host); why != "" {
		r.tooLate(c, why)
		return
	}
	r.record(event.Event{
		Type: event.HostSkipped, Host: c.Host, By: c.By, Intent: c.Intent,
		Text: fmt.Sprintf("%s is left out, as %s asked", c.Host, c.By),
	})
}

// tooLate notes that a wish brings about nothing.
func (r *run) tooLate(c Control, why string) {
	what := strings.TrimSpace(string(c.Do) + " " + c.Host)
	r.record(event.Event{Type: event.Note, By: c.By, Intent: c.Intent, Text: fmt.Sprintf("%s asked the run to %s: %s", c.By, what, why)})
}

// pause keeps new hosts from starting for a while.
func (r *run) pause(c Control, text string) {
	until := r.now().Add(mostPaused)
	r.pauseEnds = time.After(mostPaused)
	r.record(event.Event{
		Type: event.Paused, By: c.By, Intent: c.Intent, Until: until, Safe: choiceStop,
		Text: fmt.Sprintf("%s; if nobody does until %s, it stops there", text, clock(until)),
	})
}

// held tells whether a run that has nothing in flight waits for whoever paused
// it.
func (r *run) held() bool {
	return r.roll.Paused() != "" && !r.roll.Aborted() && r.journal == nil && len(r.roll.Next()) == 0
}

// reply hands an answer to the question that is open.
func (r *run) reply(c Control) {
	q := r.question
	if c.Choice == "" && q != nil && q.Batch != "" {
		c.Choice = choiceContinue
	}
	switch {
	case q == nil && r.answer != "":
		r.tooLate(c, "no question is open any more: "+r.answer)
	case q == nil:
		r.tooLate(c, "no question is open")
	case q.sent != nil:
		r.tooLate(c, q.sent.By+" was first, with "+q.sent.Choice)
	case c.Batch != "" && c.Batch != q.Batch:
		r.tooLate(c, fmt.Sprintf("the question is not about batch %s", c.Batch))
	case !slices.Contains(q.Choices, c.Choice):
		r.tooLate(c, "the choices are "+strings.Join(q.Choices, ", "))
	default:
		q.sent = &c
		q.reply <- c
	}
}

// answered notes that the question which was open, if any, is so no more.
func (r *run) answered(e event.Event) {
	q := r.question
	r.question = nil
	if q == nil {
		return
	}
	r.answer = e.Text
	if q.sent != nil && q.sent.Intent != e.Intent {
		r.tooLate(*q.sent, "another answer was first: "+e.Text)
	}
}

// clock is an instant as people read it.
func clock(t time.Time) string { return t.Format("15:04:05 MST") }
