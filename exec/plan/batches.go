package plan

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"shipit/lang"
)

// batches cuts the hosts that change into slices, in declared order.
//
// A batch of named hosts is one slice, a sized one repeats until no host is
// left; a share is one of all hosts of the plan. --batch-size takes the place
// of every declared size and cuts batches of named hosts too, so that it is
// what it says: the most hosts at a time. A rollback goes in slices of the
// last batch and waits for nobody.
func (m *maker) batches() {
	var left []*Host
	for i := range m.body.Hosts {
		if h := &m.body.Hosts[i]; h.changes() {
			left = append(left, h)
		}
	}
	m.budget(len(left))
	for _, w := range m.svc.Windows {
		if m.in.Kind != Rollback { // which nothing holds up
			m.body.Windows = append(m.body.Windows, Window{Days: w.Days, Hours: w.Hours, Zone: w.Zone, At: w.Range.String()})
		}
	}
	o := overrides{
		size:     m.override("--batch-size", m.in.Options.BatchSize, "a batch has at least one host"),
		parallel: m.override("--parallel", m.in.Options.Parallel, "at least one host goes at a time"),
	}
	declared := m.svc.Batches
	if m.in.Kind == Rollback {
		declared = []lang.Batch{backBatch(declared)}
	}
	for _, d := range declared {
		left = m.batch(d, left, o)
	}
	// The language does not let hosts be forgotten; a plan must not either.
	m.batch(lang.Batch{Name: "rest", Size: lang.Size{N: 1}}, left, o)
	m.pauseAfter(m.in.Options.PauseAfter)
	m.onceHooks()
}

// pauseAfter makes the run ask, as for a confirmation, after a batch or after
// so many hosts. Where these end within a batch, what is left of it becomes a
// batch of its own, with the same budgets: somebody has looked in between.
func (m *maker) pauseAfter(where string) {
	if where == "" {
		return
	}
	all := m.body.Batches
	if i := slices.IndexFunc(all, func(b Batch) bool { return b.Name == where }); i >= 0 {
		all[i].Confirm = true
		return
	}
	left, err := strconv.Atoi(where)
	if err != nil || left < 1 {
		var names []string
		for _, b := range all {
			names = append(names, b.Name)
		}
		m.against("--pause-after %s: it is neither a number of hosts nor a batch of the plan (%s)", where, strings.Join(names, ", "))
		return
	}
	for i, b := range all {
		before, behind := split(b.Slices, &left)
		switch {
		case left > 0:
			continue
		case len(behind) == 0:
			all[i].Confirm = true
		default:
			first, rest := b, b
			first.Slices, first.Soak, first.Confirm = before, 0, true
			rest.Slices, rest.Name = behind, b.Name+" (rest)"
			m.body.Batches = slices.Replace(all, i, i+1, first, rest)
		}
		return
	}
}

// split splits slices after so many hosts, and takes those before off n.
func split(all [][]string, n *int) (before, behind [][]string) {
	for _, s := range all {
		at := min(*n, len(s))
		*n -= at
		if at > 0 {
			before = append(before, s[:at])
		}
		if at < len(s) {
			behind = append(behind, s[at:])
		}
	}
	return before, behind
}

// overrides are what the command line says of batches, 0 where nothing.
type overrides struct{ size, parallel int }

// backBatch is how a rollback goes: as the last batch, without waiting.
func backBatch(declared []lang.Batch) lang.Batch {
	b := lang.Batch{Size: lang.Size{N: 1}}
	if len(declared) > 0 {
		last := declared[len(declared)-1]
		b.By, b.Parallel, b.Spread, b.Range = last.By, last.Parallel, last.Spread, last.Range
		b.MaxFailed, b.MaxUnhealthy, b.MaxUnreachable = last.MaxFailed, last.MaxUnhealthy, last.MaxUnreachable
		switch n := len(last.Ramp); {
		case last.Size.N > 0:
			b.Size = last.Size
		case n > 0:
			b.Size = last.Ramp[n-1]
		}
	}
	b.Name = "rollback"
	return b
}

// override is what an option says of a number of hosts, 0 if nothing.
func (m *maker) override(option, text, least string) int {
	if text == "" {
		return 0
	}
	s, err := lang.ParseSize(text)
	if err == nil && s.N == 0 {
		err = errors.New(least)
	}
	if err != nil {
		m.against("%s %s: %v", option, text, err)
		return 0
	}
	return max(s.Of(len(m.body.Hosts)), 1)
}

// budget is what the run as a whole forgives. A rollback goes on with the
// hosts that are left as long as its batch allows it.
func (m *maker) budget(hosts int) {
	d := m.svc.Budget
	if d == nil || m.in.Kind == Rollback {
		return
	}
	of := func(s *lang.Size) *int {
		if s == nil {
			return nil
		}
		n := forgiven(*s, hosts)
		return &n
	}
	m.body.Budget = Budget{
		MaxFailed: of(d.MaxFailed), MaxUnhealthy: of(d.MaxUnhealthy), MaxUnreachable: of(d.MaxUnreachable),
		At: d.Range.String(),
	}
}

// batch takes the hosts of one declared batch and returns those left over.
func (m *maker) batch(d lang.Batch, left []*Host, o overrides) []*Host {
	take, rest := left, []*Host(nil)
	sizes := m.sizes(d, o.size)
	if d.Size.N == 0 && d.Ramp == nil { // it names its hosts
		take = nil
		for _, h := range left {
			if slices.Contains(d.Hosts, h.Name) {
				take = append(take, h)
			} else {
				rest = append(rest, h)
			}
		}
	}
	if len(take) == 0 {
		return rest
	}
	if sizes == nil {
		sizes = []int{len(take)}
	}
	b := Batch{
		Name: d.Name, Soak: d.Soak, Confirm: d.Confirm, At: d.Range.String(),
		Slices: cut(spread(take, d.Spread), sizes, d.By), Parallel: o.parallel, Spread: d.Spread,
		MaxFailed:      forgiven(d.MaxFailed, len(take)),
		MaxUnhealthy:   forgiven(d.MaxUnhealthy, len(take)),
		MaxUnreachable: forgiven(d.MaxUnreachable, len(take)),
	}
	if b.Confirm {
		b.ConfirmWithin = d.ConfirmWithin
	}
	if b.Parallel == 0 && d.Parallel.N > 0 {
		b.Parallel = m.share(d.Parallel)
	}
	if !slices.ContainsFunc(b.Slices, func(s []string) bool { return len(s) > b.Parallel }) {
		b.Parallel = 0 // it says nothing more than the slices do
	}
	m.body.Batches = append(m.body.Batches, b)
	return rest
}

// share is a size in hosts, of all hosts of the plan.
func (m *maker) share(s lang.Size) int { return max(s.Of(len(m.body.Hosts)), 1) }

// sizes are those of the batch's slices, of which the last repeats; nil where
// all its hosts go together.
func (m *maker) sizes(d lang.Batch, override int) []int {
	if override > 0 {
		return []int{override}
	}
	if d.Size.N > 0 {
		return []int{m.share(d.Size)}
	}
	var out []int
	for _, s := range d.Ramp {
		out = append(out, m.share(s))
	}
	return out
}

// spread orders hosts so that the values of a label take turns, in the order
// in which they first stand there. Without a label the order stays.
func spread(hosts []*Host, label string) []*Host {
	if label == "" {
		return hosts
	}
	var values []string
	queues := map[string][]*Host{}
	for _, h := range hosts {
		v := h.Labels[label]
		if queues[v] == nil {
			values = append(values, v)
		}
		queues[v] = append(queues[v], h)
	}
	out := make([]*Host, 0, len(hosts))
	for len(out) < len(hosts) {
		for _, v := range values {
			if q := queues[v]; len(q) > 0 {
				out, queues[v] = append(out, q[0]), q[1:]
			}
		}
	}
	return out
}

// cut cuts hosts into slices of the sizes, of which the last repeats, each
// with one value of the label by. A slice starts with the first host left.
func cut(hosts []*Host, sizes []int, by string) [][]string {
	var out [][]string
	taken := make([]bool, len(hosts))
	for first := range hosts {
		if taken[first] {
			continue
		}
		most := sizes[min(len(out), len(sizes)-1)]
		var slice []string
		for i := first; i < len(hosts) && len(slice) < most; i++ {
			if !taken[i] && (by == "" || hosts[i].Labels[by] == hosts[first].Labels[by]) {
				taken[i] = true
				slice = append(slice, hosts[i].Name)
			}
		}
		out = append(out, slice)
	}
	return out
}

// forgiven is a size as a number of failures that are forgiven. A share is
// rounded down: what is not a whole host is not forgiven.
func forgiven(s lang.Size, hosts int) int {
	if s.Percent {
		return hosts * s.N / 100
	}
	return s.N
}

// onceHooks leaves a hook that runs once on the first host that has it, in
// the order of the batches.
func (m *maker) onceHooks() {
	byName := map[string]*Host{}
	for i := range m.body.Hosts {
		byName[m.body.Hosts[i].Name] = &m.body.Hosts[i]
	}
	seen := map[string]bool{}
	for _, b := range m.body.Batches {
		for _, slice := range b.Slices {
			for _, name := range slice {
				h := byName[name]
				again := func(s Step) bool {
					if s.Op != OpHook || !s.Once {
						return false
					}
					was := seen[s.ID]
					seen[s.ID] = true
					return was
				}
				h.Stage = slices.DeleteFunc(h.Stage, again)
				h.Switch = slices.DeleteFunc(h.Switch, again)
			}
		}
	}
}
