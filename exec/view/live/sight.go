package live

import (
	"fmt"
	"slices"
	"time"

	"shipit/exec/event"
	"shipit/exec/rollout"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// A Sight is what the screen shows of a state, as data: for readers that draw
// by other means than rows of text. All text in it is clean.
type Sight struct {
	Title    string // "deploy of restbase in production to v2"
	Run      string
	Sentence string // what is happening and until when
	Tone     string // of the sentence: see Piece
	Elapsed  string
	At       time.Time // of the last event
	Seq      int64     // its number
	Strip    []Piece   // batches, and the gates between them
	Service  string    // "in service 3 of 4, at least 2"
	Short    bool      // fewer serve than the batch wants to be left
	Counts   []Piece   // how many hosts stand where
	Hosts    []Cell    // by batch and slice
	Failures []Failure // the newest first
	Question *Question // that is open
	Said     []event.Event

	Paused, Aborted, Back, Finished bool
	Outcome                         event.Outcome
}

// A Piece is text of a tone: plain, faint, strong, good, moving, warn or bad.
// What it means never hangs on the tone.
type Piece struct{ Text, Tone string }

// A Cell is a host in the grid.
type Cell struct {
	Name, Short string // Short is without the domain that all share
	Sign, Word  string
	Tone        string
	Batch       string
	About       string // what it is at, or how it ended

	Retryable, Skippable bool // somebody may have it tried again, or left out
}

// A Failure is a host that went wrong, with the last of what it said.
type Failure struct {
	Cell
	Why    string
	At     string // file:line
	Detail []string
}

// A Question is one that somebody can answer.
type Question struct {
	Seq     int64
	Text    string
	Batch   string
	Choices []string
	Safe    string // what happens without an answer
	Until   time.Time
}

var toneNames = map[tone]string{
	plain: "plain", faint: "faint", strong: "strong", good: "good", moving: "moving", warn: "warn", bad: "bad", chosen: "strong",
}

// Sight is the state at an instant.
func (s *State) Sight(now time.Time) Sight {
	c := &Screen{Width: 1 << 20, Height: 1 << 20, Now: now}
	f := s.frame(c)
	v := Sight{
		Title: oneLine(f.title()), Run: s.run, Sentence: s.Sentence(now), Tone: toneNames[f.tone()], At: s.last.Time, Seq: s.last.Seq,
		Strip: parts(f.strip(), " → "), Said: newest(s.said, mostOfAll),
		Paused: s.roll.Paused() != "", Aborted: s.roll.Aborted(), Back: s.roll.GoingBack(), Finished: s.ended != nil,
	}
	if !s.began.IsZero() {
		end := now
		if s.ended != nil {
			end = s.ended.Time
		}
		v.Elapsed = left(end.Sub(s.began))
	}
	counts := f.counts()
	v.Service, v.Short, v.Counts = counts[0].text, counts[0].tone == bad, parts(counts[1:], "  ")
	for i, h := range f.hosts {
		v.Hosts = append(v.Hosts, f.cell(h, f.names[i]))
	}
	for _, name := range slices.Backward(s.failures) {
		i := slices.IndexFunc(f.hosts, func(h rollout.Host) bool { return h.Name == name })
		v.Failures = append(v.Failures, f.failure(i))
	}
	if s.ended != nil {
		v.Outcome = s.ended.Outcome
	}
	if q := s.asked; q != nil {
		v.Question = &Question{Seq: q.Seq, Text: oneLine(q.Text), Batch: q.Batch, Safe: oneLine(q.Safe), Until: q.Until}
		for _, choice := range q.Choices {
			v.Question.Choices = append(v.Question.Choices, oneLine(choice))
		}
	}
	return v
}

func (f *frame) cell(h rollout.Host, short string) Cell {
	m := f.markOf(h)
	c := Cell{Name: oneLine(h.Name), Short: short, Sign: m.sign, Word: m.word, Tone: toneNames[m.tone], About: oneLine(f.about(h))}
	c.Retryable, c.Skippable = f.s.roll.Retryable(h.Name) == "", f.s.roll.Skippable(h.Name) == ""
	if h.Batch >= 0 {
		c.Batch = oneLine(f.s.plan.Body.Batches[h.Batch].Name)
	}
	return c
}

func (f *frame) failure(i int) Failure {
	h := f.hosts[i]
	out := Failure{Cell: f.cell(h, f.names[i]), Why: oneLine(view.Why(h)), At: oneLine(h.At)}
	for _, d := range h.Detail {
		out.Detail = append(out.Detail, diag.CleanLine(d))
	}
	return out
}

// parts is the pieces of a line, without those that only keep them apart.
func parts(l line, between string) []Piece {
	var out []Piece
	for _, p := range l {
		if text := oneLine(p.text); p.text != between && p.text != " " && len(text) > 0 && !blank(text) {
			out = append(out, Piece{text, toneNames[p.tone]})
		}
	}
	return out
}

func blank(text string) bool {
	for _, r := range text {
		if r != ' ' {
			return false
		}
	}
	return true
}

// title says which run this is.
func (f *frame) title() string {
	b := &f.s.plan.Body
	what := fmt.Sprintf("%s of %s", b.Kind, b.Where())
	if b.Release.Tag != "" {
		what += " to " + b.Release.Tag
	}
	return what
}
