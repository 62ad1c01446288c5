package exec

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/lang"
	"shipit/lang/diag"
)

// relayWidth is how many hosts fetch from one relay at once: sshd begins to
// drop logins at ten.
const relayWidth = 8

// stopLimit bounds taking a relay's key back, which runs out by itself.
const stopLimit = 10 * time.Second

// relays are the relays of a run: one for each group of hosts that would be
// sent the same and have the same value of the transport's label. The
// goroutine of the run makes them, in the order of the plan.
type relays struct {
	groups map[string]*relay
	mu     sync.Mutex // of what changes in a relay
}

// A relay is the host of a group that is the first to stage.
type relay struct {
	m     *member
	ready chan struct{} // closed when it serves, or never will
	room  chan struct{}

	key     *transport.Relay // set before ready; nil where it cannot be one
	serving bool
	why     string // it does not
	left    int    // hosts of the group that have not staged
}

// relayOf finds the relay of a host that is about to stage, nil if there is
// none. The first of a group is it itself.
func (r *run) relayOf(m *member) *relay {
	group, hosts := groupOf(m.plan), 0
	for _, other := range r.members {
		if group != "" && !other.lockOnly && groupOf(other.plan) == group {
			hosts++
		}
	}
	if hosts < 2 || r.o.Deployer != nil {
		return nil
	}
	g := r.relays.groups[group]
	if g == nil {
		g = &relay{m: m, ready: make(chan struct{}), room: make(chan struct{}, relayWidth), left: hosts}
		if r.relays.groups == nil {
			r.relays.groups = map[string]*relay{}
		}
		r.relays.groups[group] = g
	}
	return g
}

// groupOf names the group of a host; "" is none.
func groupOf(h *plan.Host) string {
	for _, s := range h.Stage {
		if s.Op != plan.OpStage {
			continue
		}
		if label := (lang.Spec{Attrs: s.Spec}).Text("relay"); label != "" && h.Labels[label] != "" {
			return label + "=" + h.Labels[label] + " " + h.From.ID
		}
	}
	return ""
}

// serves takes in what a host says of its serving.
func (r *run) serves(g *relay, said string) {
	r.relays.mu.Lock()
	defer r.relays.mu.Unlock()
	if g.serving = said == "serving"; !g.serving {
		g.why = ": " + diag.CleanLine(said)
	}
}

// hasStaged is said when a host of the group has staged, or has given up. The
// last one ends the relay.
func (w *work) hasStaged(g *relay) {
	all := &w.run.relays
	all.mu.Lock()
	if g.m == w.m {
		close(g.ready)
	}
	g.left--
	over := g.left == 0 && g.serving
	if over {
		g.serving = false
	}
	all.mu.Unlock()
	if over {
		w.run.stop(g, w.say)
	}
}

// relayed stages by a relay; done is false where the deployer has to send the
// release.
func (w *work) relayed(ctx context.Context, steps []plan.Step, first, last bool, g *relay) (done bool, err error) {
	select {
	case <-g.ready:
	case <-ctx.Done():
		return true, ctx.Err()
	}
	w.run.relays.mu.Lock()
	serving, why := g.serving, g.why
	w.run.relays.mu.Unlock()
	if !serving {
		w.note("%s: the deployer sends the release, because %s does not serve it%s", w.m.plan.Name, g.m.plan.Name, why)
		return false, nil
	}
	select {
	case g.room <- struct{}{}:
		defer func() { <-g.room }()
	case <-ctx.Done():
		return true, ctx.Err()
	}
	err = w.try(ctx, steps, first, last, w.m.plan.From, nil, g)
	var no *remote.StepError
	if !errors.As(err, &no) || no.Code != transport.RelayFailed {
		return true, err
	}
	why, _, _ = w.reason(err)
	w.note("%s: the deployer sends the release, because nothing came from %s: %s", w.m.plan.Name, g.m.plan.Name, why)
	return false, nil
}

func (w *work) note(format string, args ...any) {
	w.say(event.Event{Type: event.Note, Host: w.m.plan.Name, Text: fmt.Sprintf(format, args...)})
}

// stop takes a relay's key back.
func (r *run) stop(g *relay, say func(event.Event)) {
	if g.m.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	err := g.m.conn.Run(ctx, remote.Command{Name: string(event.Stage), Steps: []remote.Step{transport.StopRelay(r.o.Run, r.body.Path)}})
	if err != nil {
		say(event.Event{Type: event.Note, Host: g.m.plan.Name, Text: fmt.Sprintf(
			"%s: the line that ends in shipit-relay-%s could not be taken out of ~/.ssh/authorized_keys; remove it, or leave it: it is good for nothing once its expiry-time is over (%v)",
			g.m.plan.Name, r.o.Run, err)})
	}
}

// stopRelays takes back the keys of groups that did not come to their end.
func (r *run) stopRelays() {
	r.relays.mu.Lock()
	defer r.relays.mu.Unlock()
	for _, g := range r.relays.groups {
		if g.serving {
			g.serving = false
			r.stop(g, r.tell)
		}
	}
}
