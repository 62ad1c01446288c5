package plan

import (
	"fmt"
	"slices"

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
	override := m.batchSize()
	declared := m.svc.Batches
	if m.in.Kind == Rollback {
		declared = []lang.Batch{backBatch(declared)}
	}
	for _, d := range declared {
		left = m.batch(d, left, override)
	}
	// The language does not let hosts be forgotten; a plan must not either.
	m.batch(lang.Batch{Name: "rest", Size: lang.Size{N: 1}}, left, override)
	m.onceHooks()
}

// backBatch is how a rollback goes: as the last batch, without waiting.
func backBatch(declared []lang.Batch) lang.Batch {
	b := lang.Batch{Size: lang.Size{N: 1}}
	if len(declared) > 0 {
		last := declared[len(declared)-1]
		b.By, b.MaxFailed, b.MaxUnreachable, b.Range = last.By, last.MaxFailed, last.MaxUnreachable, last.Range
		if last.Size.N > 0 {
			b.Size = last.Size
		}
	}
	b.Name = "rollback"
	return b
}

// batchSize is what --batch-size says, 0 if nothing.
func (m *maker) batchSize() int {
	if m.in.Options.BatchSize == "" {
		return 0
	}
	s, err := lang.ParseSize(m.in.Options.BatchSize)
	if err == nil && s.N == 0 {
		err = fmt.Errorf("a batch has at least one host")
	}
	if err != nil {
		m.against("--batch-size %s: %v", m.in.Options.BatchSize, err)
		return 0
	}
	return max(s.Of(len(m.body.Hosts)), 1)
}

// batch takes the hosts of one declared batch and returns those left over.
func (m *maker) batch(d lang.Batch, left []*Host, override int) []*Host {
	var take, rest []*Host
	most := override
	if d.Size.N > 0 {
		take = left
		if most == 0 {
			most = max(d.Size.Of(len(m.body.Hosts)), 1)
		}
	} else {
		for _, h := range left {
			if slices.Contains(d.Hosts, h.Name) {
				take = append(take, h)
			} else {
				rest = append(rest, h)
			}
		}
		if most == 0 {
			most = len(take)
		}
	}
	if len(take) == 0 {
		return rest
	}
	m.body.Batches = append(m.body.Batches, Batch{
		Name: d.Name, Soak: d.Soak, Confirm: d.Confirm, At: d.Range.String(), Slices: cut(take, most, d.By),
		MaxFailed: budget(d.MaxFailed, len(take)), MaxUnreachable: budget(d.MaxUnreachable, len(take)),
	})
	return rest
}

// cut cuts hosts into slices of at most that many, each with one value of the
// label by. A slice starts with the first host left.
func cut(hosts []*Host, most int, by string) [][]string {
	var out [][]string
	taken := make([]bool, len(hosts))
	for first := range hosts {
		if taken[first] {
			continue
		}
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

// budget is a size as a number of failures that are forgiven. A share is
// rounded down: what is not a whole host is not forgiven.
func budget(s lang.Size, hosts int) int {
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
