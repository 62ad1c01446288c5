package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/lang"
)

// A receptor is a webhook receiver that can be made to refuse.
type receptor struct {
	*httptest.Server
	refuse atomic.Bool
	mu     sync.Mutex
	got    []string
}

func newReceptor(t *testing.T) *receptor {
	r := &receptor{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.refuse.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.got = append(r.got, q.Header.Get(Delivery))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receptor) blocks(attrs ...string) []Block {
	a := map[string]any{"url": r.URL, "on": []any{Start, Finish, Failure, Rollback}, "deliver": AtLeastOnce}
	for i := 0; i < len(attrs); i += 2 {
		a[attrs[i]] = attrs[i+1]
	}
	return []Block{{Spec: lang.Spec{Kind: "webhook", Attrs: a}, At: "hello.hcl:40"}}
}

// within closes a notifier within a time.
func within(t *testing.T, n *Notifier, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	n.Close(ctx)
}

func TestWhatMustArriveIsSentByTheNextProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r1"+SpoolSuffix)
	r := newReceptor(t)
	send := func(spool *Spool, d time.Duration, do func(*Notifier)) string {
		t.Helper()
		var bad troubles
		n, err := New(r.blocks(), theRun, spool, bad.add)
		if err != nil {
			t.Fatal(err)
		}
		do(n)
		within(t, n, d)
		return strings.Join(bad.texts, "\n")
	}
	spool, err := NewSpool(path, "a plan", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpool(path); !errors.Is(err, ErrSending) {
		t.Errorf("a second process is let in: %v", err)
	}
	said := send(spool, 200*time.Millisecond, func(n *Notifier) {
		_ = n.Append(events[0])
		for deadline := time.Now().Add(10 * time.Second); len(spoolTold(t, path)) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the first notice does not arrive")
			}
		}
		r.refuse.Store(true)
		_ = n.Append(events[2])
		_ = n.Append(events[3])
	})
	if !strings.Contains(said, "2 of the run's notices must still arrive") {
		t.Errorf("%s", said)
	}
	if left, err := ReadSpool(path); err != nil || !left.Waiting || left.Told[0] != 1 {
		t.Errorf("%+v, %v", left, err)
	}
	r.refuse.Store(false)
	spool, err = OpenSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	if said := send(spool, 20*time.Second, func(n *Notifier) { n.Again(events) }); said != "" {
		t.Error(said)
	}
	if want := []string{"r1.1", "r1.3", "r1.4"}; !slices.Equal(r.got, want) {
		t.Errorf("got %v, want %v", r.got, want)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("all was told, and the spool is still there: %v", err)
	}
}

func spoolTold(t *testing.T, path string) map[int]int64 {
	t.Helper()
	left, err := ReadSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	return left.Told
}

func TestTheSpoolCountsWhatGotLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r1"+SpoolSuffix)
	r := newReceptor(t)
	r.refuse.Store(true)
	spool, err := NewSpool(path, "a plan", false)
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(r.blocks("deliver", "best_effort"), theRun, spool, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	_ = n.Append(events[0])
	_ = n.Append(events[2])
	within(t, n, 20*time.Second)
	if left, err := ReadSpool(path); err != nil || left.Lost != 2 || left.Waiting {
		t.Errorf("%+v, %v", left, err)
	}
}

// TestAFloodAndAHangingReceiverHoldUpNothing appends more than a run ever
// says, to a receiver that never answers.
func TestAFloodAndAHangingReceiverHoldUpNothing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	path := filepath.Join(t.TempDir(), "r1"+SpoolSuffix)
	spool, err := NewSpool(path, "a plan", true)
	if err != nil {
		t.Fatal(err)
	}
	r := &receptor{Server: s}
	var bad troubles
	n, err := New(append(r.blocks(), r.blocks("deliver", "best_effort")...), theRun, spool, bad.add)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		for i := range int64(50_000) {
			_ = n.Append(event.Event{Seq: i + 1, Run: "r1", Type: event.RollingBack})
		}
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("a receiver that hangs holds up the run")
	}
	within(t, n, time.Millisecond)
	if all := strings.Join(bad.texts, "\n"); !strings.Contains(all, "50000 of the run's notices must still arrive") || !strings.Contains(all, "notices were dropped") {
		t.Errorf("%s", all)
	}
	if left, err := ReadSpool(path); err != nil || !left.Waiting || left.Lost < 50_000-queueLength-1 || left.Lost > 50_000 {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestATemplateIsFilledIn(t *testing.T) {
	t.Parallel()
	e := events[3]
	e.Time = time.Unix(1700000000, 0)
	s := lang.Spec{Attrs: map[string]any{"template": `{"msg": "{moment}: {text}", "n": {seq}, "at": {unix_ms}, "o": {"end": "{outcome}"}}`}}
	body, err := bodyOf(s, Notice{Run: theRun, Moment: Failure, Text: "say \"no\"\n<b>", Event: e})
	want := `{"msg": "failure: say \"no\"\n\u003cb\u003e", "n": 4, "at": 1700000000000, "o": {"end": "rolled back"}}`
	if string(body) != want || err != nil {
		t.Errorf("%s %v", body, err)
	}
	if a := annotation(Notice{Run: theRun, Event: e, Began: time.Unix(1699999000, 0)}); fmt.Sprint(a["time"], a["timeEnd"]) != "1699999000000 1700000000000" {
		t.Errorf("%v", a)
	}
}

// TestASpoolThatIsALinkIsNotWritten: who may make one in a directory that a
// group shares may not write what it leads to.
func TestASpoolThatIsALinkIsNotWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, other := filepath.Join(dir, "run-1"+SpoolSuffix), filepath.Join(dir, "other")
	if err := errors.Join(os.WriteFile(other, nil, 0o600), os.Symlink(other, path)); err != nil {
		t.Fatal(err)
	}
	if spool, err := OpenSpool(path); err == nil {
		spool.Leave()
		t.Error("it is opened")
	}
	if _, err := NewSpool(path, "a plan", true); err == nil {
		t.Error("it is begun")
	}
	if data, err := os.ReadFile(other); err != nil || len(data) > 0 {
		t.Errorf("behind the link there is %q, %v", data, err)
	}
}

// TestASpoolThatOthersCouldWriteIsNotOnesOwn: what it is of decides which
// programs are run.
func TestASpoolThatOthersCouldWriteIsNotOnesOwn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run-1"+SpoolSuffix)
	spool, err := NewSpool(path, "a plan", true)
	if err != nil {
		t.Fatal(err)
	}
	spool.Leave()
	own := func(want bool) {
		t.Helper()
		if left, err := ReadSpool(path); err != nil || left.Own != want || left.Of != "a plan" {
			t.Errorf("%+v, %v", left, err)
		}
	}
	own(true)
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	own(false)
	if os.Geteuid() != 0 {
		return
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Chown(path, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	own(false)
}
