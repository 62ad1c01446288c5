package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Deadlines of one command, beside its own.
const (
	drainTime = 500 * time.Millisecond // for the next output that follows the exit status
	startTime = 30 * time.Second       // for a login shell to start our script
	graceTime = 10 * time.Second       // default of Command.Grace: a host takes 4 s for what heeds no TERM, and more when it is busy
)

// maxDrains bounds how often output that comes after the exit status is waited
// for again.
const maxDrains = 60

// A process is a shell on a host that was started with Exec.
type process interface {
	io.Writer          // its input
	CloseWrite() error // ends its input: the dead-man's switch
	// Listen has w hear what the process says, until Close.
	Listen(w *watch)
	// Exit gives how the process ended, or is closed when nobody will ever
	// know.
	Exit() <-chan exit
	// Keep notes that the process waits for another script: Close does not
	// end it.
	Keep()
	// Close lets go of the process. Reads end soon.
	Close() error
}

// An exit is how a process ended: Signal, if set, killed it.
type exit struct {
	code   int
	signal string
}

func (e exit) String() string {
	if e.signal != "" {
		return "signal " + e.signal
	}
	return fmt.Sprintf("exit status %d", e.code)
}

// check panics on commands that only a bug of ours can make.
func check(cmd Command) {
	if cmd.Data != nil && cmd.Hold != nil {
		panic("internal error: a command with both Data and Hold")
	}
	for _, s := range cmd.Steps {
		if s.ID == "" || strings.ContainsFunc(s.ID, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			panic(fmt.Sprintf("internal error: %q cannot name a step", s.ID))
		}
	}
}

// run has p do cmd, of which input makes what is sent, and judges how that
// went; see Runner.Run.
func run(ctx context.Context, p process, cmd Command, input func(nonce string) []byte) error {
	nonce := newNonce()
	w := newWatch(cmd, nonce)
	f := newFeed(p, cmd, input(nonce))

	p.Listen(w)
	go f.run()
	defer func() {
		f.stop()
		w.mute()
		p.Close()
		// The goroutines end when the other side confirms, or with the
		// connection; a silent host must not hold us.
	}()

	grace := cmd.Grace
	if grace == 0 {
		grace = graceTime
	}
	var (
		done            = ctx.Done()
		exited          = p.Exit()
		started         = w.started
		feeding         = f.sent
		ready           = w.ready
		over            = w.over
		ended           *exit
		wait, late, dry <-chan time.Time
		read            int64 // when the exit status came, or dry last ended
		drains          int
	)
	for {
		select {
		case <-feeding: // the script is out; the host must say something soon
			feeding = nil
			late = time.After(startTime)
		case <-started:
			started, late, feeding = nil, nil, nil
		case <-ready:
			ready = nil
			f.sendData()
		case <-over:
			over = nil
			if ended != nil {
				return w.verdict(ctx, *ended)
			}
		case <-w.idle:
			if !f.early || w.wantedData() { // else the data may still be in its input
				p.Keep()
			}
			return w.verdict(ctx, exit{})
		case <-w.eof:
			if ended != nil {
				return w.verdict(ctx, *ended)
			}
			w.eof = nil
		case e, ok := <-exited:
			if !ok {
				return lost(f.whole(), w.saidHello())
			}
			ended, exited = &e, nil
			if over == nil || w.eof == nil {
				return w.verdict(ctx, e)
			}
			read = w.bytes()
			dry = time.After(drainTime)
		case <-dry:
			// Much output may still be on its way; what comes forever is of a
			// program that was left behind.
			if n := w.bytes(); n > read && drains < maxDrains {
				read = n
				drains++
				dry = time.After(drainTime)
				continue
			}
			return w.verdict(ctx, *ended)
		case <-late:
			return fmt.Errorf("%w: its login shell did not start our script within %v", ErrUnknown, startTime)
		case <-done:
			done = nil
			f.stop()
			wait = time.After(grace)
		case <-wait:
			return fmt.Errorf("%w: no answer within %v after we stopped it (%v)", ErrUnknown, grace, ctx.Err())
		}
	}
}

// errLost is a connection that went away.
var errLost = errors.New("the connection was lost")

// lost judges a connection that ended before the command did.
func lost(sent, hello bool) error {
	if sent || hello {
		return fmt.Errorf("%w: %w", ErrUnknown, errLost)
	}
	return fmt.Errorf("%w before the script was sent; nothing ran", errLost)
}
