package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"shipit/exec/journal"
	"shipit/exec/release"
	"shipit/exec/tag"
	"shipit/lang"
)

// completeCmd is what the scripts of `shipit completion` ask. The last word is
// the one to complete. It answers with a candidate a line, a tab and what it
// is; ":files.hcl" offers files that end so. It dials nobody, runs nothing but
// git on what is on this machine, and has no answer rather than an error.
type completeCmd struct {
	Words []string `arg:"" optional:""`
}

// tabTime bounds what a press of the tab key may take.
const tabTime = 2 * time.Second

func (c *completeCmd) Run(w *world, parser *kong.Kong) (err error) {
	defer func() {
		if recover() != nil {
			err = nil // a shell is no place for a stack
		}
	}()
	ctx, stop := context.WithTimeout(context.Background(), tabTime)
	defer stop()
	var list []candidate
	watchdog{time: tabTime, memory: ordinary.memory}.guard("", func() { list = completions(ctx, w, parser.Model.Node, c.Words) })
	for _, cand := range list {
		line := cand.text
		if cand.help != "" {
			line += "\t" + firstLine(cand.help)
		}
		fmt.Fprintln(w.stdout, line)
	}
	return nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.ReplaceAll(s, "\t", " ")
}

type candidate struct{ text, help string }

// harmless is what may be put onto somebody's command line: a repository may
// have a tag called v1;reboot.
var harmless = regexp.MustCompile(`^[A-Za-z0-9_./:@=+,%-]+$`)

// A line is what was typed so far.
type line struct {
	node    *kong.Node
	before  []string // positional arguments before the current word
	flags   map[string]string
	pending *kong.Flag // whose value the current word is
	current string
}

// completions gives the candidates for the last of words.
func completions(ctx context.Context, w *world, root *kong.Node, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	l := parseLine(root, words)
	prefix, found := "", []candidate(nil)
	name, value, assigned := strings.Cut(l.current, "=")
	switch {
	case l.pending != nil:
		found = l.values(ctx, w, l.pending)
	case strings.HasPrefix(l.current, "--") && assigned:
		if f := l.flag(name); f != nil {
			prefix, l.current = name+"=", value
			found = l.values(ctx, w, f)
		}
	case strings.HasPrefix(l.current, "-"):
		found = l.flagNames()
	case len(l.node.Children) > 0:
		for _, c := range l.node.Children {
			if !c.Hidden {
				found = append(found, candidate{c.Name, c.Help})
			}
		}
	default:
		found = l.positional(ctx, w)
	}
	var list []candidate
	for _, c := range found {
		if strings.HasPrefix(c.text, ":files") {
			list = append(list, c)
		} else if strings.HasPrefix(c.text, l.current) && harmless.MatchString(c.text) {
			c.text = prefix + c.text
			list = append(list, c)
		}
	}
	return list
}

func parseLine(root *kong.Node, words []string) *line {
	l := &line{node: root, flags: map[string]string{}, current: words[len(words)-1]}
	onlyArgs := false
	for _, word := range words[:len(words)-1] {
		name, value, assigned := strings.Cut(word, "=")
		switch {
		case l.pending != nil:
			l.flags[l.pending.Name], l.pending = word, nil
		case onlyArgs, word == "-", !strings.HasPrefix(word, "-"):
			if child := childOf(l.node, word); child != nil && !onlyArgs && len(l.before) == 0 {
				l.node = child
			} else {
				l.before = append(l.before, word)
			}
		case word == "--":
			onlyArgs = true
		default:
			f := l.flag(name)
			switch {
			case f == nil || f.IsBool() || f.IsCounter():
			case assigned:
				l.flags[f.Name] = value
			default:
				l.pending = f
			}
		}
	}
	return l
}

func childOf(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// flag finds a flag by --name or -n.
func (l *line) flag(word string) *kong.Flag {
	for _, group := range l.node.AllFlags(false) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func (l *line) flagNames() []candidate {
	var list []candidate
	for _, group := range l.node.AllFlags(true) {
		for _, f := range group {
			list = append(list, candidate{"--" + f.Name, f.Help})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return list
}

func candidates(names []string) []candidate {
	var list []candidate
	for _, n := range names {
		list = append(list, candidate{text: n})
	}
	return list
}

// values are those of a flag, by its words or by what its placeholder says.
func (l *line) values(ctx context.Context, w *world, f *kong.Flag) []candidate {
	if f.Enum != "" {
		return candidates(f.EnumSlice())
	}
	switch f.PlaceHolder {
	case "FILE", "DIR":
		return []candidate{{text: ":files"}}
	}
	var list []candidate
	for _, d := range l.definitions() {
		switch f.PlaceHolder {
		case "TAG":
			list = append(list, l.tags(ctx, w, d)...)
		case "HOST":
			if look := d.cfg.Lookup(l.env(w)); look != nil {
				list = append(list, candidates(look.Hosts())...)
			}
		case "NAME=VALUE":
			for _, v := range d.cfg.Variables() {
				list = append(list, candidate{v.Name + "=", v.Description})
			}
		case "NAME":
			switch f.Name {
			case "env":
				list = append(list, candidates(d.cfg.Environments())...)
			case "service":
				list = append(list, candidates(d.cfg.Services())...)
			}
		}
	}
	return list
}

// env is the environment that the line or SHIPIT_ENV chooses.
func (l *line) env(w *world) string {
	if name := l.flags["env"]; name != "" {
		return name
	}
	return w.getenv("SHIPIT_ENV")
}

// definitions are those that the line names and that can be read.
func (l *line) definitions() []*source {
	var list []*source
	for _, file := range l.before {
		if s, _, err := parse(file, ""); err == nil {
			list = append(list, s)
		}
	}
	return list
}

// tags are the releases that are known on this machine, newest first.
func (l *line) tags(ctx context.Context, w *world, s *source) []candidate {
	look := s.cfg.Lookup(l.env(w))
	if look == nil {
		return nil
	}
	var list []candidate
	for _, r := range look.Repos() {
		scheme, err := tag.ParseScheme(r[1])
		if err != nil {
			continue
		}
		repo, err := release.OpenCached(ctx, repoPath(s.base(), r[0]), w.cacheDir())
		if err != nil {
			continue
		}
		releases, err := repo.Releases(ctx, scheme)
		if err != nil {
			continue
		}
		for _, r := range releases {
			list = append(list, candidate{r.Tag.Name, r.Subject})
		}
	}
	return list
}

// positional are the candidates for an argument that is no flag.
func (l *line) positional(ctx context.Context, w *world) []candidate {
	args := l.node.Positional
	if len(args) == 0 || len(l.before) >= len(args) && !args[len(args)-1].IsCumulative() {
		return nil
	}
	arg := args[min(len(l.before), len(args)-1)]
	if arg.Enum != "" {
		return candidates(arg.EnumSlice())
	}
	switch l.node.Name {
	case "diff":
		if len(l.before) == 0 {
			break
		}
		list := candidates([]string{"current", "good"})
		for _, d := range l.definitions() {
			list = append(list, l.tags(ctx, w, d)...)
		}
		return list
	case "resume", "attach", "pause", "continue", "confirm", "abort":
		return recordedRuns(w)
	case "retry", "skip": // a run, where more than one is under way
		if len(l.before) == 0 {
			return recordedRuns(w)
		}
		return nil
	case "rollback", "logs":
		if len(l.before) > 0 && l.node.Name == "logs" {
			return nil
		}
		return append([]candidate{{text: ":files.hcl"}}, recordedRuns(w)...)
	case "explain":
		list := candidates(lang.Topics())
		for _, c := range lang.Codes() {
			list = append(list, candidate{c.Code, c.Meaning})
		}
		return list
	case "help":
		list := []candidate{{"exit-codes", "What the exit codes mean."}}
		for _, c := range l.node.Parent.Children {
			if !c.Hidden {
				list = append(list, candidate{c.Name, c.Help})
			}
		}
		return list
	case "show":
		return []candidate{{text: ":files.json"}}
	case "apply":
		return []candidate{{text: ":files.hcl"}, {text: ":files.json"}}
	}
	if name := arg.Name; name == "file" || name == "files" || name == "definition" {
		return []candidate{{text: ":files.hcl"}}
	}
	return nil
}

// recordedRuns are the runs of this machine, newest first.
func recordedRuns(w *world) []candidate {
	runs, err := journal.List(w.stateDir())
	if err != nil {
		return nil
	}
	var list []candidate
	for _, s := range runs {
		list = append(list, candidate{s.Run, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.Header.Service, s.Header.Release, cmp.Or(string(s.Outcome), "not ended")))})
	}
	return list
}
