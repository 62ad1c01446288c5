// Package notify tells the world what happens in a run: webhooks, programs,
// channels, mail. It is a reader of the run's events that nobody waits for: a
// notice that cannot be sent is said to be so, and changes nothing else.
package notify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/lang"
)

// The moments that a definition's `on` names.
const (
	Start    = "start"
	Finish   = "finish"
	Failure  = "failure"
	Rollback = "rollback"
)

// A Run is what every notice of a run says of it.
type Run struct {
	Service string `json:"service"`
	Env     string `json:"environment"`
	Release string `json:"release,omitempty"` // its tag
	Kind    string `json:"kind"`              // deploy or rollback
	By      string `json:"by"`
	Dir     string `json:"-"` // where programs run
	Trace   string `json:"-"` // what programs get in TRACEPARENT, or ""
}

// A Notice is one thing that is told. Its JSON is what programs get.
type Notice struct {
	Run
	Moment string      `json:"moment"`
	Text   string      `json:"text"` // a sentence for people that stands alone
	Event  event.Event `json:"event"`
	Began  time.Time   `json:"-"` // of the run, where that is known
}

// ID names the notice: who may get it twice knows it again by this.
func (n Notice) ID() string { return fmt.Sprintf("%s.%d", n.Event.Run, n.Event.Seq) }

// A send tells one notice. When ctx ends, so does it.
type send func(ctx context.Context, n Notice) error

// kinds is the table: a new kind is one file and one line here.
var kinds = map[string]func(s lang.Spec) send{
	"webhook": webhook,
	"exec":    program,
	"irc":     irc,
	"email":   email,
}

// How long one attempt may take, and how often it is made.
const (
	attemptLimit = 5 * time.Second
	attempts     = 3
	queueLength  = 64
	longestWait  = 30 * time.Second // between attempts at what must arrive
)

// AtLeastOnce is the value of `deliver` with which a notice is tried until it
// is taken, by later commands if it must be.
const AtLeastOnce = "at_least_once"

// A Notifier is an event.Sink. Append never waits; Close does, for a while.
type Notifier struct {
	run       Run
	began     time.Time
	spool     *Spool // nil where nothing must arrive
	receivers []*receiver
	wait      sync.WaitGroup
	cancel    context.CancelFunc
}

// A receiver is one notify block, with a queue and a goroutine of its own: a
// slow one does not hold up the others.
type receiver struct {
	address string // of the block, for messages
	on      map[string]bool
	send    send
	queue   chan Notice
	dropped int             // by Append, which has one caller
	failed  int             // by work
	closing chan struct{}   // closed when the run is over
	took    func(seq int64) // notes what arrived; nil where it need not
}

// A Block is a notify block: attributes of its kind and "on", and where it
// stands.
type Block struct {
	Spec lang.Spec
	At   string // file:line
}

// New makes a notifier of the definition's blocks. Each problem is told to
// trouble as a sentence, from any goroutine. The spool remembers what must
// arrive and did not yet; it may be nil where no block asks for that.
func New(blocks []Block, r Run, spool *Spool, trouble func(string)) (*Notifier, error) {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{run: r, spool: spool, cancel: cancel}
	for i, b := range blocks {
		kind, ok := kinds[b.Spec.Kind]
		if !ok {
			cancel()
			return nil, fmt.Errorf("%s: there is no notify %q", b.At, b.Spec.Kind)
		}
		rec := &receiver{
			address: fmt.Sprintf("notify %q (%s)", b.Spec.Kind, b.At), on: map[string]bool{},
			send: kind(b.Spec), queue: make(chan Notice, queueLength), closing: make(chan struct{}),
		}
		for _, moment := range b.Spec.List("on") {
			rec.on[moment] = true
		}
		if spool != nil && b.mustArrive() {
			rec.took = func(seq int64) { spool.took(i, seq) }
		}
		n.receivers = append(n.receivers, rec)
	}
	for _, rec := range n.receivers {
		n.wait.Go(func() { rec.work(ctx, trouble) })
	}
	return n, nil
}

// mustArrive tells whether the block asks for more than a few attempts.
func (b Block) mustArrive() bool { return b.Spec.Text("deliver") == AtLeastOnce }

// MustArrive tells whether one of the blocks needs a spool.
func MustArrive(blocks []Block) bool { return slices.ContainsFunc(blocks, Block.mustArrive) }

// Append queues what e is worth telling. It is never an error.
func (n *Notifier) Append(e event.Event) error {
	n.append(e, false)
	return nil
}

func (n *Notifier) append(e event.Event, again bool) {
	if e.Type == event.RunStarted {
		n.began = e.Time
	}
	moment := momentOf(e)
	if moment == "" {
		return
	}
	notice := Notice{Run: n.run, Moment: moment, Event: e, Began: n.began}
	notice.Text = n.sentence(e)
	for i, r := range n.receivers {
		switch {
		case !r.on[moment], again && r.took == nil, r.took != nil && n.spool.has(i, e.Seq):
			continue
		}
		if r.dropped > 0 && r.took != nil {
			r.dropped++ // later ones must not overtake: the spool knows only how far it came
			continue
		}
		select {
		case r.queue <- notice:
		default:
			r.dropped++
		}
	}
}

// Again queues, of a run's earlier events, what must arrive and did not.
func (n *Notifier) Again(events []event.Event) {
	for _, e := range events {
		n.append(e, true)
	}
}

// Close sends what is queued, within the time that ctx leaves, and closes the
// spool.
func (n *Notifier) Close(ctx context.Context) {
	for _, r := range n.receivers {
		close(r.queue)
		close(r.closing)
	}
	stop := context.AfterFunc(ctx, n.cancel)
	n.wait.Wait()
	stop()
	n.cancel()
	lost := 0
	for _, r := range n.receivers {
		if r.took == nil {
			lost += r.dropped + r.failed
		}
	}
	n.spool.close(lost)
}

// momentOf is the moment that an event stands for, "" for most.
func momentOf(e event.Event) string {
	switch e.Type {
	case event.RunStarted:
		return Start
	case event.RollingBack:
		return Rollback
	case event.RunFinished:
		if e.Outcome == event.Done || e.Outcome == event.Nothing {
			return Finish
		}
		return Failure
	}
	return ""
}

// sentence is what people read.
func (n *Notifier) sentence(e event.Event) string {
	what := n.run.Service + " in " + n.run.Env
	if n.run.Release != "" {
		what += " to " + n.run.Release
	}
	switch e.Type {
	case event.RunStarted:
		return fmt.Sprintf("%s of %s started by %s (run %s)", n.run.Kind, what, n.run.By, e.Run)
	case event.RunFinished:
		return fmt.Sprintf("%s of %s: %s (run %s)", n.run.Kind, what, e.Outcome, e.Run)
	}
	return fmt.Sprintf("%s of %s: %s (run %s)", n.run.Kind, what, e.Text, e.Run)
}

// work sends what is queued. A notice that must arrive holds up those behind
// it, so that they arrive in their order.
func (r *receiver) work(ctx context.Context, trouble func(string)) {
	late := 0
	for notice := range r.queue {
		if late > 0 {
			late++
			continue
		}
		err := r.try(ctx, notice)
		switch {
		case err == nil && r.took != nil:
			r.took(notice.Event.Seq)
		case err != nil && r.took != nil:
			late++
			trouble(fmt.Sprintf("%s: the notice of the %s was not taken yet: %v", r.address, notice.Moment, err))
		case err != nil:
			r.failed++
			trouble(fmt.Sprintf("%s: the notice of the %s was not sent: %v", r.address, notice.Moment, err))
		}
	}
	switch {
	case r.took != nil && late+r.dropped > 0:
		trouble(fmt.Sprintf("%s: %d of the run's notices must still arrive; the next run, or resume, tries again", r.address, late+r.dropped))
	case r.dropped > 0:
		trouble(fmt.Sprintf("%s: %d notices were dropped, because earlier ones were not taken in time", r.address, r.dropped))
	}
}

// try sends one notice, a few times. One that must arrive is tried on until
// the run is over; then the spool has it.
func (r *receiver) try(ctx context.Context, n Notice) error {
	var err error
	for i := 0; i < attempts || r.took != nil && !over(r.closing); i++ {
		if i > 0 {
			select {
			case <-time.After(min(time.Second<<min(i-1, 6), longestWait)):
			case <-r.hurry(i):
			case <-ctx.Done():
				return err
			}
		}
		one, cancel := context.WithTimeout(ctx, attemptLimit)
		err = r.send(one, n)
		cancel()
		if err == nil || ctx.Err() != nil || isFinal(err) && (r.took == nil || over(r.closing)) {
			return err
		}
	}
	return err
}

// hurry ends the long waits for what must arrive once the run is over.
func (r *receiver) hurry(attempt int) <-chan struct{} {
	if attempt < attempts {
		return nil
	}
	return r.closing
}

func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
