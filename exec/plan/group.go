package plan

import (
	"fmt"
	"slices"
	"strings"
)

// A Group is hosts of a batch for which the plan says the same.
type Group struct {
	Hosts []string // in the order of the batch
	Key   string   // equal for groups, of any batch, for which the plan says the same
	Host  *Host    // the first of them, to show
	// Same names the host of an earlier batch for which the plan said the same
	// already; "" for the first.
	Same string
}

// Groups are the hosts of a batch with the same action and changes, in the
// order of their first host, so that 1,000 equal hosts are shown once. Batch
// -1 are the hosts that are in none: unchanged, unreachable, refused.
func Groups(p *Plan, batch int) []Group {
	first := map[string]string{} // by what is said: the host of an earlier batch
	byName := make(map[string]*Host, len(p.Body.Hosts))
	for i := range p.Body.Hosts {
		byName[p.Body.Hosts[i].Name] = &p.Body.Hosts[i]
	}
	names := func(i int) []string { return slices.Concat(p.Body.Batches[i].Slices...) }
	var members []string
	if batch < 0 {
		for i := range p.Body.Hosts {
			if h := &p.Body.Hosts[i]; !h.changes() {
				members = append(members, h.Name)
			}
		}
	} else {
		for i := range batch {
			for _, n := range names(i) {
				if key := byName[n].said(); first[key] == "" {
					first[key] = n
				}
			}
		}
		members = names(batch)
	}
	var groups []Group
	at := map[string]int{}
	for _, n := range members {
		key := byName[n].said()
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, Group{Key: key, Host: byName[n], Same: first[key]})
		}
		groups[i].Hosts = append(groups[i].Hosts, n)
	}
	return groups
}

// said is all that a plan shows of a host besides its name. Of steps it is
// which they are: what they name besides is in the changes, or differs from
// host to host without telling anything, as the address in a URL does.
func (h *Host) said() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%s\x00%s\x00", h.Action, h.Problem, h.From.ID, h.To.ID, h.Back.ID)
	for _, c := range h.Changes {
		fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%s\x00%s\x00", c.Mark, c.Kind, c.Name, c.Text, c.Diff)
	}
	for _, steps := range [][]Step{h.Stage, h.Switch, h.After, h.Undo} {
		b.WriteByte(1)
		for _, s := range steps {
			b.WriteString(s.ID)
			b.WriteByte(0)
		}
	}
	return b.String()
}
