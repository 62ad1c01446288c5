package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shipit/exec/remote"
)

// A Taking is a wish for a lock.
type Taking struct {
	Dir    string // on the host; see Dir
	Run    string
	Owner  string // user@machine
	Reason string
	// Was, if set, is the generation that this run had before its connection
	// was lost: if nobody has taken the lock since, its old lease is no
	// obstacle.
	Was int64
	// Global takes the whole host: no other run changes any service there.
	Global bool
	// Wait is how long to wait in the host's queue for a holder to end, and
	// for those who came before. A hold that lasts longer is not waited for.
	Wait time.Duration
	// Waiting is told, from one goroutine, when the wait begins and whenever
	// the holder or the place in line changes. May be nil.
	Waiting func(Place)
	// Steps run in the same exec once the lock is taken, before Take
	// returns; one that fails gives the lock back.
	Steps []remote.Step
	// On is told what Steps say.
	On func(remote.Record)

	// The times that tests shorten; zero is the constant's.
	Lease, Beat, Patience time.Duration
}

// A Place is where a waiting run stands.
type Place struct {
	Holder Holder // zero where nobody holds the lock for the moment
	Place  int    // 1 is next
	Of     int    // how many wait
}

// A Held lock is one that this process keeps.
type Held struct {
	Generation int64
	// Waited tells that somebody else was at work on the host when the taking
	// began.
	Waited bool

	fence   remote.Fence
	heart   *heart
	silence *time.Timer // until the lock is lost, where the host says nothing more
	lost    chan struct{}
	losing  sync.Once
	ended   chan struct{} // the exec is over
	err     error         // how; read after ended
	end     context.CancelFunc
	free    chan struct{} // Release was called
	freeing sync.Once
}

// Take takes the lock and keeps it until Release, for longer than ctx lives.
// Where another holds it, for longer than the wait, its error is a *HeldError.
// When ctx ends during the wait, the place in line is given up at once.
func Take(ctx context.Context, r remote.Runner, t Taking) (*Held, error) {
	t = t.withDefaults()
	limit := t.Wait + 2*t.Patience + slack
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the host did not answer within %v", limit))
	defer cancel()
	run, end := context.WithCancel(context.WithoutCancel(ctx))
	l := &Held{
		lost: make(chan struct{}), ended: make(chan struct{}), free: make(chan struct{}),
		end: end, heart: newHeart(t.Beat),
	}
	l.silence = time.AfterFunc(limit, l.lose)
	l.silence.Stop() // it begins when the lock is ours
	said := &hearing{on: t.On, waiting: t.Waiting, ours: make(chan int64, 1), renewed: func() { l.silence.Reset(t.Lease * 3 / 4) }}
	go func() {
		l.err = r.Run(run, remote.Command{
			Name:  "lock",
			Steps: t.steps(remote.Acts(r)),
			Hold:  l.heart,
			On:    said.hear,
		})
		l.heart.stop()
		l.silence.Stop()
		l.lose()
		close(l.ended)
	}()

	select {
	case l.Generation = <-said.ours:
		l.fence = remote.Fence{Dir: t.Dir, Run: t.Run, Generation: l.Generation}
		l.Waited = said.waited
		return l, nil
	case <-l.ended:
		end()
		return nil, said.refusal(l.err)
	case <-ctx.Done():
		// End of input first: it is what makes the host give the lock back.
		l.heart.stop()
		select {
		case <-l.ended:
		case <-time.After(t.Beat):
		}
		end()
		<-l.ended
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("cannot take the lock: %w", context.Cause(ctx))
		}
		return nil, ctx.Err()
	}
}

// slack is for a slow host, and for the steps that run under the lock.
const slack = time.Minute

// Fence is what every command that mutates the host carries.
func (l *Held) Fence() *remote.Fence { f := l.fence; return &f }

// Lost is closed when the lock is no longer known to be ours: the host gave
// it to another run, or has not confirmed it for three quarters of a lease.
func (l *Held) Lost() <-chan struct{} { return l.lost }

// Release gives the lock back and waits until the host has said so, or until
// ctx ends. Releasing a lost lock is no error. It may be called again.
func (l *Held) Release(ctx context.Context) error {
	l.freeing.Do(func() { close(l.free) })
	l.heart.stop()
	l.silence.Stop()
	defer l.end()
	select {
	case <-l.ended:
	case <-ctx.Done():
		return fmt.Errorf("cannot give the lock back: %w; it is free once its lease has run out", ctx.Err())
	}
	select {
	case <-l.lost:
		return nil
	default:
	}
	if l.err != nil {
		return fmt.Errorf("cannot give the lock back: %w; it is free once its lease has run out", l.err)
	}
	return nil
}

// lose notes that the lock is no longer known to be ours, unless it was given
// back: the host has stopped confirming, or the exec ended by itself.
func (l *Held) lose() {
	select {
	case <-l.free:
	default:
		l.losing.Do(func() { close(l.lost) })
	}
}

func (t Taking) withDefaults() Taking {
	if t.Lease == 0 {
		t.Lease = Lease
	}
	if t.Beat == 0 {
		t.Beat = Beat
	}
	if t.Patience == 0 {
		t.Patience = Patience
	}
	return t
}

// steps are the taking, what the caller wants to know, and the keeping; for
// a host that acts them out, without shell.
func (t Taking) steps(acts bool) []remote.Step {
	args := map[string]string{
		"dir": t.Dir, "run": t.Run, "owner": t.Owner, "reason": t.Reason,
		"lease": t.Lease.String(), "beat": t.Beat.String(), "wait": t.Wait.String(), "was": strconv.FormatInt(t.Was, 10),
	}
	if t.Global {
		args["global"] = "yes"
	}
	take, hold := remote.Step{ID: "lock", Op: "lock", Args: args}, remote.Step{ID: "hold", Op: "hold", Args: args}
	if !acts {
		take.Shell, hold.Shell = t.shell()
		take.Shared, hold.Shared = Shared(), Shared()
	}
	return slices.Concat([]remote.Step{take}, t.Steps, []remote.Step{hold})
}

// AllSteps are the steps of the exec that takes and keeps the lock, for who
// shows them.
func (t Taking) AllSteps() []remote.Step { return t.withDefaults().steps(false) }

// shell is that of the taking and of the keeping.
func (t Taking) shell() (take, hold string) {
	global := ""
	if t.Global {
		global = "1"
	}
	head := who(t.Dir, t.Run, t.Owner, t.Reason) + fmt.Sprintf("global=%s hold= ttl=%d patience=%d was=%d wait=%d\n",
		global, seconds(t.Lease), seconds(t.Patience), t.Was, seconds(t.Wait))
	head += lookScript + writeScript
	return head + takeScript, head + holdScript
}

// who sets the variables of the scripts that say whose a lock is.
func who(dir, run, owner, reason string) string {
	return fmt.Sprintf("d=%s all=%s run=%s owner=%s reason=%s\n", remote.QuotePath(dir), Host,
		remote.Quote(line(run)), remote.Quote(line(owner)), remote.Quote(line(reason)))
}

// line makes one line of s: the lock's files hold one each.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// A hearing sorts what the exec says.
type hearing struct {
	on      func(remote.Record)
	waiting func(Place)
	ours    chan int64      // the generation, once the lock is ours
	renewed func()          // the host says again that it is
	waited  bool            // read after ours
	own     []remote.Record // facts of the step "lock" since the last that was passed on
}

func (h *hearing) hear(r remote.Record) {
	switch r.Step {
	case "lock":
		if r.Kind == remote.Fact && r.Key == "waiting" {
			h.waited = true
			h.waits(r.Text)
			return
		}
		h.waited = h.waited || r.Kind == remote.Fact && r.Key == "late"
		h.own = append(h.own, r)
	case "hold":
		if r.Kind == remote.Fact && (r.Key == "held" || r.Key == "renewed") {
			g, _ := strconv.ParseInt(r.Text, 10, 64) // our own script prints a number
			h.renewed()
			select {
			case h.ours <- g:
			default: // it was said before
			}
		}
	default:
		if h.on != nil {
			h.on(r)
		}
	}
}

// waits passes on that we wait, and for whom.
func (h *hearing) waits(text string) {
	holder, _ := Holds(h.own)
	h.own = nil
	place, of, _ := strings.Cut(text, " ")
	if h.waiting != nil {
		h.waiting(Place{Holder: holder, Place: int(number(place)), Of: int(number(of))})
	}
}

// refusal is why the lock was not taken, after the exec ended with err.
func (h *hearing) refusal(err error) error {
	var step *remote.StepError
	if errors.As(err, &step) && step.Step == "lock" {
		return refusal(step, h.own)
	}
	if err == nil {
		err = errors.New("the host ended the lock's script by itself")
	}
	return fmt.Errorf("cannot take the lock: %w", err)
}

// refusal tells a lock that another has from one that cannot be taken.
func refusal(step *remote.StepError, said []remote.Record) error {
	holder, ok := Holds(said)
	for _, r := range said {
		if r.Kind == remote.Fact && r.Key == "held" {
			return &HeldError{Holder: holder, Before: int(number(r.Text))}
		}
	}
	if ok {
		return &HeldError{Holder: holder}
	}
	return fmt.Errorf("cannot take the lock: %s", strings.Join(step.Output, "; "))
}
