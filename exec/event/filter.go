package event

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Filter tells which events of a run are wanted: FIELD OPERATOR VALUE, like
// host=rb10*, text~time.?out, seq>120, time>=14:02, level>=warn.
type Filter struct{ match func(Event) bool }

// Match tells whether an event is wanted.
func (f Filter) Match(e Event) bool { return f.match(e) }

// operators are those of a filter, the longer first.
var operators = []string{">=", "<=", "!=", "!~", "=", "~", "<", ">"}

// words are the fields of text that a filter may name.
var words = map[string]func(Event) []string{
	"type":    func(e Event) []string { return []string{string(e.Type)} },
	"host":    func(e Event) []string { return []string{e.Host} },
	"phase":   func(e Event) []string { return []string{string(e.Phase)} },
	"step":    func(e Event) []string { return []string{e.Step} },
	"batch":   func(e Event) []string { return []string{e.Batch} },
	"cause":   func(e Event) []string { return []string{string(e.Cause)} },
	"by":      func(e Event) []string { return []string{e.By} },
	"outcome": func(e Event) []string { return []string{string(e.Outcome)} },
	"level":   func(e Event) []string { return []string{string(LevelOf(e))} },
	"text":    func(e Event) []string { return append([]string{e.Text}, e.Detail...) },
}

// Fields are what a filter may name, in order.
func Fields() []string {
	out := []string{"seq", "time"}
	for name := range words {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// IsFilter tells whether a word has the form of a filter.
func IsFilter(text string) bool { return strings.ContainsAny(text, "=~<>") }

// ParseFilter reads a filter. A time is an instant (RFC 3339), a clock of the
// day on which the run began (14:02, in UTC), or how long after its begin (5m).
func ParseFilter(text string, began time.Time) (Filter, error) {
	at := strings.IndexAny(text, "=~<>!")
	if at < 1 {
		return Filter{}, fmt.Errorf("%q is no filter: write FIELD OPERATOR VALUE, like host=rb10* or seq>120", text)
	}
	field, rest := strings.TrimSpace(text[:at]), text[at:]
	i := slices.IndexFunc(operators, func(op string) bool { return strings.HasPrefix(rest, op) })
	if i < 0 {
		return Filter{}, fmt.Errorf("%q is no filter: the operators are %s", text, strings.Join(operators, " "))
	}
	op, value := operators[i], strings.TrimSpace(rest[len(operators[i]):])
	match, err := matcher(field, op, value, began)
	if err != nil {
		return Filter{}, fmt.Errorf("%s: %w", text, err)
	}
	return Filter{match}, nil
}

func matcher(field, op, value string, began time.Time) (func(Event) bool, error) {
	get, isWord := words[field]
	switch {
	case isWord && (op == "=" || op == "!="):
		if _, err := path.Match(value, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: * is any text, ? a character, [ab] one of several", value)
		}
		return anyOf(get, op == "!=", func(s string) bool { return glob(value, s) }), nil
	case isWord && (op == "~" || op == "!~"):
		re, err := regexp.Compile(value)
		if err != nil {
			return nil, fmt.Errorf("%q is no regular expression: %w", value, err)
		}
		return anyOf(get, op == "!~", re.MatchString), nil
	case field == "level":
		least := Level(value).Rank()
		if least < 0 {
			return nil, fmt.Errorf("%q is no level; there are debug, info, warn, error", value)
		}
		return func(e Event) bool { return ordered(op, LevelOf(e).Rank()-least) }, nil
	case isWord:
		return nil, fmt.Errorf("%s is text: compare it by = or != (a pattern), ~ or !~ (a regular expression)", field)
	case op == "~" || op == "!~":
		if field == "seq" || field == "time" {
			return nil, fmt.Errorf("%s is compared by = != < > <= >=", field)
		}
	case field == "seq":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number of an event", value)
		}
		return func(e Event) bool { return ordered(op, int(e.Seq-n)) }, nil
	case field == "time":
		t, err := instant(value, began)
		if err != nil {
			return nil, err
		}
		return func(e Event) bool { return ordered(op, e.Time.Compare(t)) }, nil
	}
	return nil, fmt.Errorf("there is no field %s; there are %s", field, strings.Join(Fields(), ", "))
}

// anyOf matches where one of the texts does, or none if not is set.
func anyOf(get func(Event) []string, not bool, match func(string) bool) func(Event) bool {
	return func(e Event) bool { return slices.ContainsFunc(get(e), match) != not }
}

// glob is path.Match, but * goes over slashes, too.
func glob(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}

// ordered tells whether two values that compare so are as op says.
func ordered(op string, compared int) bool {
	switch op {
	case "=":
		return compared == 0
	case "!=":
		return compared != 0
	case "<":
		return compared < 0
	case ">":
		return compared > 0
	case "<=":
		return compared <= 0
	}
	return compared >= 0
}

var errInstant = errors.New("a time is 14:02, 14:02:03 (UTC, of the day on which the run began), 2015-06-10T14:02:03Z, or 5m (after its begin)")

func instant(text string, began time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return began.Add(d), nil
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			day := began.UTC().Truncate(24 * time.Hour)
			return day.Add(t.Sub(t.Truncate(24 * time.Hour))), nil
		}
	}
	return time.Time{}, errInstant
}
