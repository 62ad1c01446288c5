package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A Mirror copies the journal of a run into a Redis while the run writes it. It
// reads the file, not the run: nothing that Redis does, or does not do, reaches
// the run. What could not be sent is sent by the next command that uses the
// same Redis (see CatchUp).
type Mirror struct {
	*sender
	by   string
	say  func(string)
	mark string
	stop context.CancelFunc
	over chan struct{}

	told, back bool  // that Redis does not answer, and that it does again
	lost       error // why it is not tried any more
}

const (
	mirrorEvery = 100 * time.Millisecond
	mirrorAgain = time.Second // after an error
	flushFor    = 3 * time.Second
)

// Mirror begins to copy the journal at path. By is who drives the run. What
// people should know of it is said, at most three times.
func (r *Redis) Mirror(path, by string, say func(string)) *Mirror {
	ctx, cancel := context.WithCancel(context.Background())
	m := &Mirror{sender: r.sender(path), by: by, say: say, stop: cancel, over: make(chan struct{})}
	m.mark = unsent(path, r.mark)
	if f, err := os.OpenFile(m.mark, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600); err == nil { // without it, only the catching up is lost
		f.Close()
	}
	go m.loop(ctx)
	return m
}

func (m *Mirror) loop(ctx context.Context) {
	defer close(m.over)
	var beat time.Time
	var sent int64 = -1
	wait := time.Duration(0)
	for m.lost == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = mirrorEvery
		err := m.file.scan()
		if err == nil && m.file.events() != sent {
			if err = m.send(ctx); err == nil {
				sent = m.file.events()
			}
		}
		if err == nil && time.Since(beat) > aliveFor/3 {
			if err = m.beat(ctx); err == nil {
				beat = time.Now()
			}
		}
		if ctx.Err() != nil {
			return
		}
		m.tell(err)
		if err != nil {
			wait, sent = mirrorAgain, -1
		}
	}
}

func (m *Mirror) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return m.client.Set(ctx, m.alive(m.run), m.by, aliveFor).Err()
}

// tell says that something is wrong, once, and once that it is right again.
func (m *Mirror) tell(err error) {
	switch {
	case errors.Is(err, errElsewhere):
		m.lost = err
		m.say(fmt.Sprintf("%v, so that Redis %s does not get this journal; the run goes on", err, m.name))
	case err != nil && !m.told:
		m.told = true
		m.say(fmt.Sprintf("cannot record the run in Redis %s: %v; it goes on with its journal here, which is sent when that is over", m.name, plain(err)))
	case err == nil && m.told && !m.back:
		m.back = true
		m.say(fmt.Sprintf("Redis %s takes the record of the run again, and has all of it", m.name))
	}
}

// Close sends what is left, for a few seconds at most.
func (m *Mirror) Close() {
	m.stop()
	<-m.over
	if m.lost != nil {
		_ = os.Remove(m.mark)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	if err := m.send(ctx); err != nil {
		m.say(fmt.Sprintf("the end of the run is not in Redis %s: %v; the next command that uses it sends it", m.name, plain(err)))
		return
	}
	_ = os.Remove(m.mark)
	if who, err := m.client.Get(ctx, m.alive(m.run)).Result(); err == nil && who == m.by {
		_ = m.client.Del(ctx, m.alive(m.run)).Err() // it goes away by itself, too
	}
}

// unsent is the file that says that not all of a journal is in a Redis.
func unsent(path, mark string) string {
	return strings.TrimSuffix(path, suffix) + ".unsent-" + mark
}

// CatchUp sends what earlier commands could not, of the runs recorded in dir
// that are over or whose process died, until ctx ends.
func (r *Redis) CatchUp(ctx context.Context, dir string) error {
	marks, err := filepath.Glob(filepath.Join(dir, "*.unsent-"+r.mark))
	if err != nil {
		return fmt.Errorf("cannot list runs: %w", err)
	}
	for _, mark := range marks {
		if err := r.catchUp(ctx, mark); err != nil {
			return r.cannot("record earlier runs", err)
		}
	}
	return nil
}

func (r *Redis) catchUp(ctx context.Context, mark string) error {
	path := strings.TrimSuffix(mark, ".unsent-"+r.mark) + suffix
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return os.Remove(mark)
	}
	if Active(path) {
		return nil // its own process sends it
	}
	if err := r.sender(path).send(ctx); err != nil && !errors.Is(err, errElsewhere) {
		return err
	}
	return os.Remove(mark)
}
