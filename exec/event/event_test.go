package event_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/exec/event"
)

func TestAnEventIsOneLineInTheOrderOfItsFields(t *testing.T) {
	t.Parallel()
	e := event.Event{
		Seq: 7, Time: time.Date(2015, 6, 10, 14, 2, 3, 500, time.UTC), Run: "r1", Type: event.HostFailed,
		Host: "rb1", Phase: event.Switch, Step: "check.http.info", Text: "status <500>,\nnot 200", Cause: event.Unhealthy,
	}
	line, err := event.Encode(e)
	want := `{"seq":7,"time":"2015-06-10T14:02:03.0000005Z","run":"r1","type":"host.failed","host":"rb1",` +
		`"phase":"switch","step":"check.http.info","text":"status <500>,\nnot 200","cause":"unhealthy"}` + "\n"
	if err != nil || string(line) != want {
		t.Errorf("got  %swant %s%v", line, want, err)
	}
	back, err := event.Decode(line)
	if diff := cmp.Diff(e, back); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestEventsSurviveTheirEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		e := event.Event{
			Seq: rapid.Int64Min(1).Draw(t, "seq"), Time: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0).UTC(),
			Type: event.Type("t" + text.Draw(t, "type")), Host: text.Draw(t, "host"), Text: text.Draw(t, "text"),
			Slice: rapid.Int().Draw(t, "slice"),
		}
		if rapid.Bool().Draw(t, "with detail") {
			e.Detail = rapid.SliceOfN(text, 1, 5).Draw(t, "detail")
		}
		line, err := event.Encode(e)
		if err != nil || strings.Count(string(line), "\n") != 1 {
			t.Fatalf("%q, %v", line, err)
		}
		back, err := event.Decode(line)
		if diff := cmp.Diff(e, back); diff != "" || err != nil {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestReadersTakeWhatIsNewerAndRefuseWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	e, err := event.Decode([]byte(`{"seq":1,"type":"moon.rose","text":"the moon rose","phase_of_moon":"full"}`))
	if err != nil || e.Type != "moon.rose" || e.Text != "the moon rose" {
		t.Errorf("%+v, %v", e, err)
	}
	for _, line := range []string{"", "{}", "[]", `{"seq":"one","type":"x"}`, `{"type":"x"`} {
		if e, err := event.Decode([]byte(line)); err == nil {
			t.Errorf("%q is read as %+v", line, e)
		}
	}
}

func TestAStreamBeginsWithItsVersion(t *testing.T) {
	t.Parallel()
	if got, want := string(event.Header("0.4.0")), `{"type":"version","format":"1.0","shipit":"0.4.0"}`+"\n"; got != want {
		t.Errorf("got %s", got)
	}
}

type sink struct {
	got []event.Event
	err error
}

func (s *sink) Append(e event.Event) error {
	s.got = append(s.got, e)
	return s.err
}

func TestNoViewStopsAnother(t *testing.T) {
	t.Parallel()
	broken, view := &sink{err: errors.New("the terminal is gone")}, &sink{}
	if err := (event.Views{broken, view}).Append(event.Event{Seq: 1}); err != nil || len(view.got) != 1 || len(broken.got) != 1 {
		t.Errorf("a broken view: %v, the views saw %d and %d events", err, len(broken.got), len(view.got))
	}
}
