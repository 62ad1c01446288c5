package lock

import (
	"io"
	"sync"
	"time"
)

// A heart is the input of the exec that keeps a lock: a byte now and then, as
// long as it beats. It beats for whoever reads it and costs no goroutine.
type heart struct {
	tick    *time.Ticker
	stopped chan struct{}
	once    sync.Once
}

func newHeart(every time.Duration) *heart {
	return &heart{tick: time.NewTicker(every), stopped: make(chan struct{})}
}

// Read waits for the next beat. The taking itself is the first.
func (h *heart) Read(p []byte) (int, error) {
	select {
	case <-h.stopped:
		return 0, io.EOF
	default:
	}
	if len(p) == 0 {
		return 0, nil
	}
	select {
	case <-h.tick.C:
	case <-h.stopped:
		return 0, io.EOF
	}
	p[0] = '.' // never a newline, which the host's shell would not tell from the end
	return 1, nil
}

// stop ends the input.
func (h *heart) stop() {
	h.once.Do(func() {
		h.tick.Stop()
		close(h.stopped)
	})
}
