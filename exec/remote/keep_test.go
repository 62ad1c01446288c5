package remote

import (
	"regexp"
	"strings"
	"testing"
)

// An idleProcess does what it is told and waits for more; says is what it
// frames in between.
type idleProcess struct {
	says  []string
	heard chan string // its input
	kept  bool
}

func (p *idleProcess) Write(b []byte) (int, error) {
	select {
	case p.heard <- string(b):
	default:
	}
	return len(b), nil
}

func (p *idleProcess) Listen(w *watch) {
	go func() {
		nonce := regexp.MustCompile(`nonce=(\w+)`).FindStringSubmatch(<-p.heard)[1]
		for _, f := range p.says {
			w.output([]byte("\x1e"+nonce+" "+f+"\n"), false)
		}
	}()
}

func (p *idleProcess) CloseWrite() error { return nil }
func (p *idleProcess) Exit() <-chan exit { return nil }
func (p *idleProcess) Keep()             { p.kept = true }
func (p *idleProcess) Close() error      { return nil }

// A shell to which data was sent that no step took may have it in its input
// still, before the next script: it is not used again.
func TestAShellWithDataInItsInputIsNotKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		says        string
		early, kept bool
	}{
		{"hello,begin s,end s 0,exit 0,idle", false, true},
		{"hello,begin s,data,end s 0,exit 0,idle", true, true},
		{"hello,begin s,end s 0,exit 0,idle", true, false},
	} {
		p := &idleProcess{says: strings.Split(tc.says, ","), heard: make(chan string, 1)}
		cmd := Command{Keep: true, early: tc.early, Steps: []Step{{ID: "s", Shell: ":"}}, Data: strings.NewReader("data"), DataSize: 4}
		if err := run(t.Context(), p, cmd, func(nonce string) []byte { return []byte(Input(cmd, nonce)) }); err != nil || p.kept != tc.kept {
			t.Errorf("%s: kept %v, want %v (%v)", tc.says, p.kept, tc.kept, err)
		}
	}
}

// What scripts share is said once in each shell, before the steps.
func TestAShellIsToldOnceWhatIsShared(t *testing.T) {
	t.Parallel()
	const part, other = "f() {\n  :\n}\n", "g() {\n  :\n}\n"
	cmd := Command{Keep: true, Steps: []Step{
		{ID: "a", Shell: "x=1\n" + part + "f\n", Shared: []string{part, other}},
		{ID: "b", Shell: part + "f it\n", Shared: []string{part}},
	}}
	more := Command{Keep: true, Steps: []Step{{ID: "c", Shell: other + "g\n" + part, Shared: []string{part, other}}}}
	s := &sshShell{}
	first, again, third := s.script(cmd, "n"), s.script(cmd, "n"), s.script(more, "n")
	if at := strings.Index(first, part); strings.Count(first, part) != 1 || at > strings.Index(first, "steps()") || strings.Contains(first, other) {
		t.Errorf("the first script is\n%s", first)
	}
	if strings.Contains(again, "f()") || !strings.Contains(again, "step a 'x=1\nf'\nstep b 'f it'\n") {
		t.Errorf("the second script is\n%s", again)
	}
	if strings.Contains(third, "f()") || strings.Count(third, other) != 1 {
		t.Errorf("the third script is\n%s", third)
	}
	if got := (&sshShell{}).script(cmd, "n"); got != first {
		t.Errorf("another shell is told\n%s", got)
	}
}
