//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"
)

// A report is everything that was measured, with what it was measured on.
type report struct {
	Date     string            `json:"date"`
	Machine  string            `json:"machine"`
	Versions map[string]string `json:"versions"`
	Absent   map[string]string `json:"absent,omitempty"`
	Command  string            `json:"command"`
	Goals    []goal            `json:"goals"`
	Figures  []figure          `json:"figures"`
}

func (b *bench) report(all []figure, absent map[string]string) error {
	r := report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: thisMachine(), Absent: absent, Figures: all,
		Versions: map[string]string{"sshd": (&contestant{version: []string{"ssh", "-V"}}).saysVersion("")},
		Command:  "make bench-fleet HOSTS=\"" + words(b.options.hosts) + "\" RTT=\"" + words(b.rtts) + "\" RUNS=" + fmt.Sprint(b.runs),
	}
	if b.systemd {
		r.Command += " SYSTEMD=1"
	}
	for _, c := range contestants {
		if v := c.saysVersion(b.shipit); v != "" && c.absent() == "" {
			r.Versions[c.name] = v
		}
	}
	t := tabulate(all)
	for _, n := range b.options.hosts {
		for _, rtt := range b.rtts {
			r.Goals = append(r.Goals, t.goals(n, rtt)...)
		}
	}
	page := r.markdown(b, t)
	fmt.Print("\n", page)
	if b.markdown != "" {
		if err := write(b.markdown, page, 0o644); err != nil {
			return err
		}
	}
	if b.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return write(b.json, string(text)+"\n", 0o644)
}

func words[T any](v []T) string { return strings.Trim(fmt.Sprint(v), "[]") }

// markdown is the report for docs/benchmarks.md.
func (r report) markdown(b *bench, t table) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s, %s.\n\n```\n%s\n```\n\n", r.Date, r.Machine, r.Command)
	for _, name := range sorted(r.Versions) {
		fmt.Fprintf(&s, "- %s: %s\n", name, r.Versions[name])
	}
	for _, name := range sorted(r.Absent) {
		fmt.Fprintf(&s, "- %s: absent, %s\n", name, r.Absent[name])
	}
	var fleets []cell
	for _, n := range b.options.hosts {
		for _, rtt := range b.rtts {
			fleets = append(fleets, cell{n: n, rtt: rtt})
		}
	}
	for _, what := range b.cases {
		fmt.Fprintf(&s, "\n**%s**: wall, median (least) in s / deployer's CPU in s / ÷ shipit\n\n| |", what)
		for _, f := range fleets {
			fmt.Fprintf(&s, " %d hosts, %v |", f.n, f.rtt)
		}
		s.WriteString("\n|---|" + strings.Repeat("---:|", len(fleets)) + "\n")
		for _, c := range contestants {
			if row := t.row(what, c.name, fleets); row != "" {
				s.WriteString(row)
			}
		}
	}
	fmt.Fprint(&s, "\n| goal | hosts | added round trip | bound | measured | |\n|---|---:|---:|---:|---:|---|\n")
	for _, g := range r.Goals {
		sign := "≤"
		if g.Least {
			sign = "≥"
		}
		fmt.Fprintf(&s, "| %s | %d | %s | %s %.4g %s | %.3g %s | %s |\n", g.What, g.Hosts, g.RTT, sign, g.Bound, g.Unit, g.Got, g.Unit, g.verdict())
	}
	return s.String()
}

// row is a contestant's line of a table; "" where it did nothing of it.
func (t table) row(what, who string, fleets []cell) string {
	var s strings.Builder
	some := false
	fmt.Fprintf(&s, "| %s |", who)
	for _, c := range fleets {
		c.what, c.who = what, who
		fs := t[c]
		if len(fs) == 0 {
			s.WriteString(" |")
			continue
		}
		some = true
		fmt.Fprintf(&s, " %.2f (%.2f) / %.2f", median(of(fs, wall)), least(of(fs, wall)), median(of(fs, cpu)))
		ours := c
		if ours.who = "shipit"; who != ours.who {
			if p := t.paired(c, ours); len(p) > 0 {
				fmt.Fprintf(&s, " / %.2f", median(p))
			}
		}
		s.WriteString(" |")
	}
	if !some {
		return ""
	}
	return s.String() + "\n"
}

func sorted(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// thisMachine says what it was measured on, without naming it.
func thisMachine() string {
	model, kernel := "unknown CPU", "unknown kernel"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel, _, _ = strings.Cut(strings.TrimSpace(string(text)), "-")
	}
	memory, load := "?", "?"
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err == nil {
		memory = fmt.Sprint(uint64(info.Totalram) * uint64(info.Unit) >> 30)
		load = fmt.Sprintf("%.1f", float64(info.Loads[0])/(1<<16))
	}
	return fmt.Sprintf("%.0f cores (%s), %s GiB, Linux %s, load at the end %s", cpus(), model, memory, kernel, load)
}
