package live

import (
	"fmt"
	"slices"
	"strings"
)

// An Action is what a key can ask for.
type Action string

// The actions. Those up to Detach concern the run, and are what commands of
// the same name do from another terminal; those behind it concern the screen.
const (
	Pause    Action = "pause"
	Continue Action = "continue"
	Answer   Action = "confirm"
	Abort    Action = "abort"
	Retry    Action = "retry"
	Skip     Action = "skip"
	Detach   Action = "detach"

	Interrupt Action = "interrupt" // what Ctrl-C means to the program
	Suspend   Action = "suspend"   // what Ctrl-Z means to it
	Leave     Action = "leave"     // the screen, not the run
)

// steering are the actions that concern the run.
var steering = []Action{Pause, Continue, Answer, Abort, Retry, Skip, Detach}

// A Wish is what a person asked for by a key.
type Wish struct {
	Do     Action
	Host   string // of Retry and Skip
	Choice string // of Answer
	Batch  string // of Answer: the batch that the question is about, if any
}

// A key is what the help says of one.
type key struct {
	key  string
	does Action // "" is the screen's own
	says string
	bar  string // the same in a word
}

var keys = []key{
	{"p", Pause, "start no new host for now", "pause"},
	{"c", Continue, "go on after a pause", "continue"},
	{"y", Answer, "say yes to going on after a batch", "confirm"},
	{"a", Abort, "end what is in flight and start nothing more; asks once", "abort"},
	{"r", Retry, "try the chosen host again", "retry"},
	{"s", Skip, "leave the chosen host out", "skip"},
	{"d", Detach, "leave the terminal; the run goes on", "detach"},
	{"l", "", "the log of the chosen host, or of the first that failed", "log"},
	{"/", "", "search among the hosts; n goes to the next", "search"},
	{"arrows, Tab", "", "choose a host; Esc chooses none", ""},
	{"?", "", "this", "help"},
	{"q", Leave, "close the screen; lines are printed from then on", "quit"},
	{"Ctrl-C", Interrupt, "as without the screen: end what is in flight; again: stop it now", ""},
}

// can tells why an action is not to be had, "" where it is.
func (c *Screen) can(a Action) string {
	if a == "" || c.Can == nil {
		return ""
	}
	return c.Can(a)
}

// keys is the row at the bottom: what a person can do where the run stands.
func (f *frame) keys() line {
	if f.c.mode == help || f.c.mode == logs {
		return text("Esc back   arrows scroll   q back", faint)
	}
	var l line
	for _, k := range keys {
		switch {
		case k.bar == "" || f.c.can(k.does) != "" || f.s.ended != nil && slices.Contains(steering, k.does):
			continue
		case f.c.Replay != "" && (k.does == Pause || k.does == Continue): // of the recording
		case k.does == Pause && f.s.roll.Paused() != "", k.does == Continue && f.s.roll.Paused() == "",
			k.does == Answer && !f.s.confirmable():
			continue
		}
		if len(l) > 0 {
			l = append(l, piece{"  ", plain})
		}
		l = append(l, piece{k.key, strong}, piece{" " + k.bar, faint})
	}
	return l
}

// help is what the keys do and the signs mean.
func (f *frame) help() []line {
	out := []line{nil}
	for _, k := range keys {
		l := line{{pad("  "+k.key, 14), strong}, {k.says, plain}}
		if f.c.Replay != "" && (k.does == Pause || k.does == Continue) {
			l[1].text = k.bar + " the recording"
		}
		if why := f.c.can(k.does); why != "" {
			l = line{{pad("  "+k.key, 14), faint}, {k.bar + " is not available: " + why, faint}}
		}
		out = append(out, l)
	}
	out = append(out, nil)
	var row string
	signs := []mark{}
	for _, m := range marks {
		signs = append(signs, m.mark)
	}
	signs = append(signs, soaking)
	for _, m := range steps {
		if !slices.ContainsFunc(signs, func(s mark) bool { return s.word == m.word }) {
			signs = append(signs, m)
		}
	}
	slices.SortStableFunc(signs[len(marks)+1:], func(a, b mark) int { return strings.Compare(a.sign, b.sign) })
	for _, m := range signs {
		one := m.sign + " " + m.word + "   "
		if columns(row)+columns(one) > f.c.Width-2 {
			out, row = append(out, text("  "+row, plain)), ""
		}
		row += one
	}
	return append(out, text("  "+row, plain))
}

// Press is what a key brings about: something on the screen, or a wish for
// whoever shows it; ok tells that there is one. Keys have the names that
// Bubble Tea gives them.
func (c *Screen) Press(s *State, name string) (w Wish, ok bool) {
	armed := c.armed
	c.armed, c.Notice = false, ""
	switch name { // in every mode
	case "ctrl+c":
		return Wish{Do: Interrupt}, true
	case "ctrl+z":
		return Wish{Do: Suspend}, true
	}
	switch c.mode {
	case search:
		c.searching(s, name)
		return Wish{}, false
	case help, logs:
		c.reading(s, name)
		return Wish{}, false
	}
	if w, ok, taken := c.answer(s, name); taken {
		return w, ok
	}
	switch name {
	case "left", "up", "shift+tab":
		c.move(s, -1)
	case "right", "down", "tab":
		c.move(s, 1)
	case "n":
		c.find(s, 1)
	case "esc":
		c.Host, c.Query = "", ""
	case "/":
		c.mode, c.Query = search, ""
	case "l":
		c.mode, c.scroll = logs, 0
	case "?":
		c.mode = help
	default:
		return c.wish(s, name, armed)
	}
	return Wish{}, false
}

// wish is what a key wants of the run.
func (c *Screen) wish(s *State, name string, armed bool) (Wish, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.key == name && k.does != "" })
	if i < 0 {
		return Wish{}, false
	}
	k := keys[i]
	w := Wish{Do: k.does}
	f := s.frame(c)
	switch why := c.can(k.does); {
	case why != "":
		c.Notice = k.bar + " is not available: " + why
		return w, false
	case s.ended != nil && slices.Contains(steering, k.does):
		c.Notice = "the run is over"
		return w, false
	case k.does == Abort && s.roll.Aborted():
		c.Notice = "the run is stopped already; Ctrl-C stops what is in flight now"
		return w, false
	case k.does == Abort && !armed:
		c.armed = true
		return w, false
	case k.does == Answer:
		if !s.confirmable() {
			c.Notice = "nothing is to be confirmed"
			return w, false
		}
		w.Choice, w.Batch = s.asked.Choices[0], s.asked.Batch
	case k.does == Retry || k.does == Skip:
		at := f.focus()
		if at < 0 {
			c.Notice = "no host is chosen; arrows choose one"
			return w, false
		}
		w.Host = f.hosts[at].Name
	}
	return w, true
}

// confirmable tells whether a batch waits for a person's yes.
func (s *State) confirmable() bool {
	return s.asked != nil && s.asked.Batch != "" && len(s.asked.Choices) > 0
}

// answer reads the keys of a question: a number chooses, Enter answers, any
// other key takes the choice back. taken tells that the key was for it.
func (c *Screen) answer(s *State, name string) (w Wish, ok, taken bool) {
	q := s.asked
	if q == nil {
		c.choice = ""
		return w, false, false
	}
	chosen := c.choice
	c.choice = ""
	switch {
	case len(name) == 1 && name[0] >= '1' && int(name[0]-'1') < len(q.Choices):
		c.choice = q.Choices[name[0]-'1']
	case chosen == "" || !slices.Contains(q.Choices, chosen):
		return w, false, false
	case name == "enter":
		return Wish{Do: Answer, Choice: chosen, Batch: q.Batch}, true, true
	}
	return w, false, true
}

// reading scrolls what is read, and ends it.
func (c *Screen) reading(s *State, name string) {
	switch name {
	case "esc", "q", "l", "?", "enter":
		c.mode = run
	case "up":
		c.scroll++
	case "down":
		c.scroll = max(0, c.scroll-1)
	case "pgup":
		c.scroll += c.Height / 2
	case "pgdown":
		c.scroll = max(0, c.scroll-c.Height/2)
	case "left", "shift+tab":
		c.move(s, -1)
		c.scroll = 0
	case "right", "tab":
		c.move(s, 1)
		c.scroll = 0
	}
}

// searching reads what is searched for.
func (c *Screen) searching(s *State, name string) {
	switch name {
	case "esc":
		c.mode, c.Query = run, ""
	case "enter":
		c.mode = run
	case "backspace":
		if r := []rune(c.Query); len(r) > 0 {
			c.Query = string(r[:len(r)-1])
		}
		c.find(s, 0)
	default:
		if len([]rune(name)) == 1 && len(c.Query) < 60 {
			c.Query += name
			c.find(s, 0)
		}
	}
}

// move chooses another host, in the order of the grid.
func (c *Screen) move(s *State, by int) {
	f := s.frame(c)
	if len(f.hosts) == 0 {
		return
	}
	at := f.focus()
	if c.Host != "" {
		at = (at + by + len(f.hosts)) % len(f.hosts)
	}
	c.Host = f.hosts[max(0, at)].Name
}

// find chooses the next host that matches, from so many behind the chosen one.
func (c *Screen) find(s *State, from int) {
	if c.Query == "" {
		return
	}
	f := s.frame(c)
	at := max(0, f.focus())
	for i := range f.hosts {
		h := f.hosts[(at+from+i)%len(f.hosts)]
		if strings.Contains(h.Name, c.Query) {
			c.Host = h.Name
			return
		}
	}
	c.Notice = fmt.Sprintf("no host has %q in its name", c.Query)
}
