package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
	"shipit/exec/plan"
	"shipit/lang/diag/diagtest"
)

// TestAHostileReceiverIsCleaned: what a webhook answers is said to a person.
func TestAHostileReceiverIsCleaned(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = c.Write([]byte("HTTP/1.1 400 \x1b[2Jall is well\u202e\r\nContent-Length: 0\r\n\r\n"))
		}
	}()
	var said bytes.Buffer
	w := &world{stdout: &said, stderr: &said, now: func() time.Time { return recordedAt }}
	p := &plan.Plan{}
	p.Body.Notify = []plan.Notify{{Kind: "webhook", Spec: map[string]any{"url": "http://" + l.Addr().String(), "on": []any{"start"}}}}
	views, done, err := w.telling(&planned{plan: p}, "r1", "", nil, journal.Dir(t.TempDir()), event.Views{})
	if err != nil {
		t.Fatal(err)
	}
	_ = views.Append(event.Event{Seq: 1, Type: event.RunStarted, Text: "started"})
	done()
	if why := diagtest.Problem(said.String()); why != "" || !strings.Contains(said.String(), "all is well") {
		t.Errorf("%q: %s", said.String(), why)
	}
}
