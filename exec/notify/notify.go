// Package notify tells the world what happens in a run: webhooks, programs,
// channels, mail. It is a reader of the run's events that nobody waits for: a
// notice that cannot be sent is said to be so, and changes nothing else.
package notify

import (
	"context"
	"fmt"
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
}

// A Notice is one thing that is told. Its JSON is what programs get.
type Notice struct {
	Run
	Moment string      `json:"moment"`
	Text   string      `json:"text"` // a sentence for people that stands alone
	Event  event.Event `json:"event"`
}

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
)

// A Notifier is an event.Sink. Append never waits; Close does, for a while.
type Notifier struct {
	run       Run
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
	dropped int // by Append, which has one caller
}

// A Block is a notify block: attributes of its kind and "on", and where it
// stands.
type Block struct {
	Spec lang.Spec
	At   string // file:line
}

// New makes a notifier of the definition's blocks. Each problem is told to
// trouble as a sentence, from any goroutine.
func New(blocks []Block, r Run, trouble func(string)) (*Notifier, error) {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{run: r, cancel: cancel}
	for _, b := range blocks {
		kind, ok := kinds[b.Spec.Kind]
		if !ok {
			cancel()
			return nil, fmt.Errorf("%s: there is no notify %q", b.At, b.Spec.Kind)
		}
		rec := &receiver{
			address: fmt.Sprintf("notify %q (%s)", b.Spec.Kind, b.At), on: map[string]bool{},
			send: kind(b.Spec), queue: make(chan Notice, queueLength),
		}
		for _, moment := range b.Spec.List("on") {
			rec.on[moment] = true
		}
		n.receivers = append(n.receivers, rec)
		n.wait.Go(func() { rec.work(ctx, trouble) })
	}
	return n, nil
}

// Append queues what e is worth telling. It is never an error.
func (n *Notifier) Append(e event.Event) error {
	moment := momentOf(e)
	if moment == "" {
		return nil
	}
	notice := Notice{Run: n.run, Moment: moment, Event: e}
	notice.Text = n.sentence(e)
	for _, r := range n.receivers {
		if !r.on[moment] {
			continue
		}
		select {
		case r.queue <- notice:
		default:
			r.dropped++
		}
	}
	return nil
}

// Close sends what is queued, within the time that ctx leaves.
func (n *Notifier) Close(ctx context.Context) {
	for _, r := range n.receivers {
		close(r.queue)
	}
	stop := context.AfterFunc(ctx, n.cancel)
	n.wait.Wait()
	stop()
	n.cancel()
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

// work sends what is queued, each notice a few times until it is taken.
func (r *receiver) work(ctx context.Context, trouble func(string)) {
	for notice := range r.queue {
		if err := r.try(ctx, notice); err != nil {
			trouble(fmt.Sprintf("%s: the notice of the %s was not sent: %v", r.address, notice.Moment, err))
		}
	}
	if r.dropped > 0 {
		trouble(fmt.Sprintf("%s: %d notices were dropped, because earlier ones were not taken in time", r.address, r.dropped))
	}
}

func (r *receiver) try(ctx context.Context, n Notice) error {
	var err error
	for i := range attempts {
		if i > 0 {
			select {
			case <-time.After(time.Second << (i - 1)):
			case <-ctx.Done():
				return err
			}
		}
		one, cancel := context.WithTimeout(ctx, attemptLimit)
		err = r.send(one, n)
		cancel()
		if err == nil || ctx.Err() != nil || isFinal(err) {
			return err
		}
	}
	return err
}
