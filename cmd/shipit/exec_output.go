package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"shipit/exec"
	"shipit/exec/view"
	"shipit/lang/diag"
)

// An execOutput shows what a typed command says on hosts. line and ended are
// called while it runs, over behind it.
type execOutput interface {
	line(i int, text string)
	ended(h exec.Heard)
	over(all []exec.Heard)
}

// tally counts the ends, the good one first.
func tally(heard []exec.Heard) string {
	ok, failed := 0, 0
	other := map[exec.Ending]int{}
	for _, h := range heard {
		switch {
		case h.OK():
			ok++
		case h.End == exec.Exited:
			failed++
		default:
			other[h.End]++
		}
	}
	parts := []string{fmt.Sprintf("%s: %d ok", count(len(heard), "host"), ok)}
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	for _, e := range []exec.Ending{exec.Late, exec.Stopped, exec.Unreached, exec.NotStarted, exec.Unknown} {
		if n := other[e]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, e))
		}
	}
	return strings.Join(parts, ", ")
}

// told says on standard error what is not the command's output.
func told(w *world, heard []exec.Heard) {
	for _, text := range busy(heard) {
		fmt.Fprintf(w.stderr, "note: %s\n", diag.CleanLine(text))
	}
	fmt.Fprintln(w.stderr, tally(heard))
}

// execGroups shows equal outputs together, at the end.
type execGroups struct {
	c    *execCmd
	w    *world
	kept []*view.Kept
}

func (g *execGroups) line(i int, text string) { g.kept[i].Add(text) }
func (g *execGroups) ended(exec.Heard)        {}

func (g *execGroups) over(all []exec.Heard) {
	out := make([]view.Output, len(all))
	for i, h := range all {
		out[i] = view.Output{Host: h.Host, OK: h.OK(), How: how(h), Help: g.c.advice(h), Said: g.kept[i]}
	}
	view.Outputs(g.w.stdout, out, g.w.style())
	told(g.w, all)
}

// execStream shows lines as they come.
type execStream struct {
	c     *execCmd
	w     *world
	names []string
	out   *view.Prefixed
}

func (s *execStream) line(i int, text string) { s.out.Line(s.names[i], text) }

func (s *execStream) ended(h exec.Heard) {
	if text := how(h); text != "" {
		if help := s.c.advice(h); help != "" {
			text += " (" + help + ")"
		}
		s.out.Bad(h.Host, text)
	}
}

func (s *execStream) over(all []exec.Heard) { told(s.w, all) }

// execJSON writes JSON Lines.
type execJSON struct {
	mu    sync.Mutex
	enc   *json.Encoder
	names []string
}

func newExecJSON(w io.Writer, names []string) *execJSON {
	j := &execJSON{enc: json.NewEncoder(w), names: names}
	j.write(struct {
		Type   string   `json:"type"`
		Format string   `json:"format"`
		Hosts  []string `json:"hosts"`
	}{"version", "1.0", names})
	return j
}

func (j *execJSON) write(v any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.enc.Encode(v) // a reader that went away ends us by SIGPIPE
}

func (j *execJSON) line(i int, text string) {
	j.write(struct {
		Type string `json:"type"`
		Host string `json:"host"`
		Text string `json:"text"`
	}{"line", j.names[i], diag.Clean(text)})
}

// said is what becomes of a host while its log is read.
func (j *execJSON) said(i int, text string) {
	j.write(struct {
		Type string `json:"type"`
		Host string `json:"host"`
		Text string `json:"text"`
	}{"note", j.names[i], diag.CleanLine(text)})
}

// execEnd is a host's last line.
type execEnd struct {
	Type   string      `json:"type"`
	Host   string      `json:"host"`
	End    exec.Ending `json:"end"`
	Code   *int        `json:"code,omitempty"` // of "exited"
	Why    string      `json:"why,omitempty"`
	Help   string      `json:"help,omitempty"`
	Millis int64       `json:"ms"`
	Run    string      `json:"run,omitempty"` // that holds a lock there
}

func (j *execJSON) ended(h exec.Heard) {
	e := execEnd{Type: "end", Host: h.Host, End: h.End, Why: diag.Clean(h.Why), Help: h.Help, Millis: h.Took.Milliseconds()}
	if h.End == exec.Exited {
		e.Code = &h.Code
	}
	if h.Lock != nil {
		e.Run = diag.CleanLine(h.Lock.Run)
	}
	j.write(e)
}

func (j *execJSON) over([]exec.Heard) {}
