package exec

import (
	"context"
	"errors"
	"testing"

	"shipit/exec/remote"
)

// A losable connection can be lost.
type losable struct {
	remote.Conn
	lost   bool
	closed bool
}

func (c *losable) Lost() bool   { return c.lost }
func (c *losable) Close() error { c.closed = true; return nil }

type losableDialer struct {
	dialed []*losable
	err    error
}

func (d *losableDialer) Dial(context.Context, remote.Target) (remote.Conn, error) {
	if d.err != nil {
		return nil, d.err
	}
	d.dialed = append(d.dialed, &losable{})
	return d.dialed[len(d.dialed)-1], nil
}

// A connection that is lost between two commands is made again for the next;
// a host that could not be dialled is not tried twice.
func TestFleetDialsAgainWhatWasLost(t *testing.T) {
	t.Parallel()
	d := &losableDialer{}
	f := NewFleet(d)
	defer f.Close()
	at := remote.Target{Name: "h"}
	conn := func() remote.Conn {
		c, err := f.Conn(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := conn()
	if conn() != first || len(d.dialed) != 1 {
		t.Fatalf("%d dials, want 1", len(d.dialed))
	}
	d.dialed[0].lost = true
	if conn() == first || len(d.dialed) != 2 || !d.dialed[0].closed {
		t.Errorf("%d dials after a loss, want 2; the lost one is closed: %v", len(d.dialed), d.dialed[0].closed)
	}
	d.dialed[1].lost, d.err = true, errors.New("gone")
	for range 2 {
		if _, err := f.Conn(t.Context(), at); !errors.Is(err, d.err) {
			t.Errorf("error %v", err)
		}
	}
	f.Close() // a host without a connection is no trouble
}
