package journal

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"shipit/exec/event"
)

// TestWhoDrivesIsFoundWhereverItStands writes so much behind the last resume
// that it comes to lie on both sides of every border of what is read at once.
func TestWhoDrivesIsFoundWhereverItStands(t *testing.T) {
	t.Parallel()
	resumed := func(by string) event.Event { return event.Event{Type: event.RunResumed, By: by} }
	printed := func(n int) event.Event { return event.Event{Type: event.Output, Text: strings.Repeat("x", n)} }
	write := func(events ...event.Event) string {
		t.Helper()
		j, err := Create(t.TempDir(), "r1", Header{By: "anna"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			events[i].Seq = int64(i + 1)
		}
		if err := j.AppendAll(events); err != nil {
			t.Fatal(err)
		}
		j.Close()
		return j.Path()
	}
	is := func(what, path, want string) {
		t.Helper()
		if got, err := driverOf(path); got != want || err != nil {
			t.Errorf("%s: driven by %q, %v, want %q", what, got, err, want)
		}
	}
	is("nothing happened", write(), "anna")
	is("never resumed", write(printed(10), event.Event{Type: event.Note, Text: `"type":"run.resumed"`, By: "mallory"}), "anna")
	is("resumed twice", write(resumed("bob"), printed(300<<10), resumed("carl"), printed(10)), "carl")
	is("resumed long ago", write(resumed("bob"), printed(40<<10), printed(700<<10)), "bob")
	for n := 256<<10 - 250; n < 256<<10+50; n += 3 {
		is(fmt.Sprintf("%d bytes behind it", n), write(resumed("bob"), printed(n)), "bob")
	}

	path := write(resumed("bob"), printed(10), resumed("carl"))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	is("torn", path, "bob")
	data[len(data)-30] ^= 1
	if err := os.WriteFile(path, append(data, data...), 0o600); err != nil {
		t.Fatal(err)
	}
	if who, err := driverOf(path); err == nil {
		t.Errorf("a damaged journal is driven by %q", who)
	}
}
