package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A lateProcess has ended, and its output arrives a piece at a time.
type lateProcess struct {
	pieces int // before the last frame; -1 is without end
	pause  time.Duration
	sent   int
	exited chan exit
	nonce  string
	mu     sync.Mutex
	in     bytes.Buffer
	known  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (p *lateProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in.Write(b)
	if _, rest, ok := strings.Cut(p.in.String(), "nonce="); ok && len(rest) > 32 {
		p.once.Do(func() {
			p.nonce = rest[:32]
			close(p.known)
			p.exited <- exit{}
		})
	}
	return len(b), nil
}

func (p *lateProcess) Read(b []byte) (int, error) {
	<-p.known
	mark := "\x1e" + p.nonce + " "
	defer func() { p.sent++ }()
	if p.sent == 0 {
		return copy(b, mark+"hello\n"+mark+"begin s\n"), nil
	}
	select {
	case <-time.After(p.pause):
	case <-p.closed:
		return 0, io.EOF
	}
	if p.pieces < 0 || p.sent <= p.pieces {
		return copy(b, fmt.Sprintf("line %d\n", p.sent)), nil
	}
	return copy(b, mark+"end s 0\n"+mark+"exit 0\n"), io.EOF
}

func (p *lateProcess) CloseWrite() error { return nil }
func (p *lateProcess) Keep()             {}
func (p *lateProcess) Listen(w *watch) {
	go readAll(p, outputRead, w.output)
	go readAll(strings.NewReader(""), noiseRead, w.noise)
}
func (p *lateProcess) Exit() <-chan exit { return p.exited }
func (p *lateProcess) Close() error      { close(p.closed); return nil }

// TestOutputThatIsLongOnItsWayIsReadToItsEnd: a slow line delivers much of
// what a command printed only after its exit status. What never ends is not
// waited for for ever.
func TestOutputThatIsLongOnItsWayIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for _, pieces := range []int{20, -1} {
		synctest.Test(t, func(t *testing.T) {
			p := &lateProcess{pieces: pieces, pause: 300 * time.Millisecond, exited: make(chan exit, 1), known: make(chan struct{}), closed: make(chan struct{})}
			lines := 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			cmd := Command{Steps: []Step{{ID: "s", Shell: ":"}}, On: func(r Record) {
				if r.Kind == Output {
					lines++
				}
			}}
			err := run(ctx, p, cmd, func(nonce string) []byte { return []byte(Input(cmd, nonce)) })
			if pieces >= 0 && (err != nil || lines != pieces) {
				t.Errorf("%d lines, %v", lines, err)
			}
			if pieces < 0 && (!errors.Is(err, ErrUnknown) || time.Since(began) > time.Minute) {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	}
}
