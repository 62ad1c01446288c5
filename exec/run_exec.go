package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"shipit/exec/event"
	"shipit/exec/fault"
	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/exec/transport"
)

// exec runs steps in one exec on the host. A difference that does not fit
// what the host has is sent again as a whole.
func (w *work) exec(ctx context.Context, steps []plan.Step, first, last bool) error {
	serve := w.relay
	if serve != nil && serve.m == w.m && serve.key == nil && !remote.Acts(w.m.conn) {
		var err error
		if serve.key, err = transport.NewRelay(w.m.conn.Info()); err != nil {
			w.run.serves(serve, err.Error())
		}
	} else if serve != nil && serve.m != w.m {
		if done, err := w.relayed(ctx, steps, first, last, serve); done {
			return w.whole(ctx, steps, first, last, err)
		}
		serve = nil
	}
	return w.whole(ctx, steps, first, last, w.try(ctx, steps, first, last, w.m.plan.From, serve, nil))
}

// whole tries again with all of the release where err says so.
func (w *work) whole(ctx context.Context, steps []plan.Step, first, last bool, err error) error {
	var no *remote.StepError
	if !errors.As(err, &no) || no.Code != transport.NeedAll || w.phase != event.Stage {
		return err
	}
	w.note("%s: the whole release is sent, because what is there is not what it should be", w.m.plan.Name)
	return w.try(ctx, steps, first, last, plan.Release{}, nil, nil)
}

// try is one exec: of a host that is to serve what it stages, of one that
// stages what another serves, or of any other.
func (w *work) try(ctx context.Context, steps []plan.Step, first, last bool, base plan.Release, serve, from *relay) error {
	limit := margin
	for i := range steps {
		limit += within(&steps[i])
	}
	late := &deadlineError{fmt.Sprintf("no end within %s", limit)}
	bounded, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()

	c := w.run.context(w.m)
	c.First, c.Last = first, last
	if !w.beside {
		c.Fence = *w.m.lease.Fence()
	}
	for i := range steps {
		if steps[i].Op != plan.OpStage {
			continue
		}
		staged, err := w.run.staged(bounded, w.m.plan, &steps[i], base, func(d *transport.Delivery) {
			d.Unpacks = remote.Unpacks(w.m.conn)
			if serve != nil {
				d.Serve = serve.key
			}
			if from != nil {
				d.From = from.key
			}
		})
		if err != nil {
			return &localError{step: steps[i].ID, err: err}
		}
		c.Staged = staged
	}
	c.Acts = remote.Acts(w.m.conn)
	cmd, err := Command(w.m.plan, w.phase, steps, c)
	if err != nil {
		return &localError{err: err}
	}
	cmd.Beside = w.beside
	conn := w.m.conn
	switch {
	case confirms(steps): // it looks itself, and waits for a watchdog at work
		if conn, err = w.run.o.Fleet.fresh(bounded, w.m.question.Target); err != nil {
			return &localError{step: steps[0].ID, err: err}
		}
		defer conn.Close()
	case w.phase != event.After && w.phase != preflightPhase: // checks change nothing, and may take their time
		cmd.Fence = w.m.lease.Fence()
	}
	cmd.On = func(rec remote.Record) {
		if serve != nil && rec.Kind == remote.Fact && rec.Key == "relay" {
			w.run.serves(serve, rec.Text)
		}
		w.heard(rec)
	}
	cmd.Data = fault.In(cmd.Data, fault.StageData)
	fault.At(fault.Point(w.phase) + ".before")
	err = conn.Run(bounded, cmd)
	fault.At(fault.Point(w.phase) + ".after")
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		if errors.Is(err, remote.ErrUnknown) {
			return fmt.Errorf("%w, and %w", late, err)
		}
		return late
	}
	return err
}

// margin is what an exec may take beyond its steps: the wait for the guard,
// the engine's own steps, a slow network.
const margin = 45 * time.Second

// Limit is how long a step may take on its host, which ends it then.
func Limit(s *plan.Step) time.Duration { return within(s) }

// within is how long a step may take.
func within(s *plan.Step) time.Duration {
	switch {
	case s.Within > 0:
		return s.Within.Std()
	case s.Op == plan.OpStage, s.Op == plan.OpPrune:
		return 10 * time.Minute
	}
	return time.Minute
}

// context is what the steps of a host need besides themselves.
func (r *run) context(m *member) Context {
	return Context{
		Plan: r.o.Plan, Run: r.o.Run, By: r.o.By, Trace: r.o.Trace, Raw: m.raw, Again: m.again,
		Content: r.content,
		Release: func(id string) plan.Release {
			h := m.plan
			for _, known := range []plan.Release{h.To, h.From, h.Back, r.body.Release} {
				if known.ID == id {
					return known
				}
			}
			return plan.Release{ID: id}
		},
	}
}

// staged is the transport's part of a stage step.
func (r *run) staged(ctx context.Context, h *plan.Host, s *plan.Step, base plan.Release, amend func(*transport.Delivery)) (*Staged, error) {
	t, err := r.transports.get(s, r.newTransport)
	if err != nil {
		return nil, err
	}
	if base.Commit == "" && h.To.Digest == "" || base.Link != "" {
		base = plan.Release{} // nobody can say what it is
	}
	d := transport.Delivery{
		Run: r.o.Run, Path: r.body.Path, Repo: r.body.Repo, Within: within(s),
		Release: delivered(h.To), Base: delivered(base), Labels: h.Labels,
	}
	if amend != nil {
		amend(&d)
	}
	step, data, size, err := t.Step(ctx, d)
	if err != nil {
		return nil, err
	}
	return &Staged{Step: step, Data: data, Size: size}, nil
}

func (r *run) newTransport(kind string, spec map[string]any) (transport.Transport, error) {
	if d := r.o.Deployer; d != nil {
		return d.Transport(kind, spec)
	}
	return transport.New(kind, spec, r.o.Source)
}

func delivered(r plan.Release) transport.Release {
	return transport.Release{ID: r.ID, Tag: r.Tag, Commit: r.Commit, Tree: r.Tree, Digest: r.Digest}
}

// transports are those of a run, each made once for all hosts: what they
// read and pack is the same for all.
type transports struct {
	mu   sync.Mutex
	made map[string]transport.Transport
}

func (t *transports) get(s *plan.Step, fresh func(kind string, spec map[string]any) (transport.Transport, error)) (transport.Transport, error) {
	spec, err := json.Marshal(s.Spec)
	if err != nil {
		return nil, err
	}
	key := s.Kind + " " + string(spec)
	t.mu.Lock()
	defer t.mu.Unlock()
	if made, ok := t.made[key]; ok {
		return made, nil
	}
	made, err := fresh(s.Kind, s.Spec)
	if err != nil {
		return nil, err
	}
	if t.made == nil {
		t.made = map[string]transport.Transport{}
	}
	t.made[key] = made
	return made, nil
}
