package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"shipit/lang/diag"
)

// A Reach is how a host is reached.
type Reach struct {
	Host     string            `json:"host"`
	Group    string            `json:"group"`
	Labels   map[string]string `json:"labels,omitempty"`
	At       string            `json:"at"` // file:line of its group or host block
	Settings []ReachSetting    `json:"settings,omitempty"`
	Problem  string            `json:"problem,omitempty"` // why that cannot be said
}

// A ReachSetting is a decision about that, and who made it.
type ReachSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// Hosts prints how hosts are reached, those that are reached alike together.
// Their addresses are listed one by one: few hosts share theirs.
func Hosts(w io.Writer, title string, hosts []Reach, s Style) {
	fmt.Fprintf(w, "%s  %s\n", s.paint(bold, diag.CleanLine(title)), plural(len(hosts), "host"))
	var order []string
	alike := map[string][]Reach{}
	for _, h := range hosts {
		key := fmt.Sprint(h.Group, h.labels(), h.Problem)
		for _, set := range h.Settings {
			if set.Name != "address" {
				key += "\x00" + set.Value + "\x00" + set.From
			}
		}
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], h)
	}
	for _, key := range order {
		reachGroup(w, alike[key], s)
	}
}

func reachGroup(w io.Writer, hosts []Reach, s Style) {
	first := hosts[0]
	var names []string
	for _, h := range hosts {
		names = append(names, h.Host)
	}
	fmt.Fprintf(w, "\n%s\n", s.paint(bold, hostNames(names)))
	rows := [][]string{{"  group", first.At, first.Group}}
	if labels := first.labels(); labels != "" {
		rows = append(rows, []string{"  labels", first.At, labels})
	}
	if first.Problem != "" {
		rows = append(rows, []string{"  problem", "", first.Problem})
	}
	for _, set := range first.Settings {
		if set.Name != "address" && set.Value != "" {
			rows = append(rows, []string{"  " + set.Name, set.From, set.Value})
		}
	}
	for _, h := range hosts {
		for _, set := range h.Settings {
			if set.Name == "address" && set.Value != h.Host {
				rows = append(rows, []string{"  address", set.From, h.Host + " -> " + set.Value})
			}
		}
	}
	table(w, rows, func(_, col int, cell string) string {
		if col == 1 {
			return s.paint(dim, cell)
		}
		return cell
	})
}

// labels are the host's labels in words.
func (r Reach) labels() string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		words = append(words, k+"="+r.Labels[k])
	}
	return strings.Join(words, " ")
}
