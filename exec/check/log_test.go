package check_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"shipit/exec/check"
	"shipit/exec/remote"
	"shipit/lang"
)

// aLog is a host's log with what happens to it.
type aLog struct {
	t    *testing.T
	conn remote.Conn
	q    lang.Check
	c    check.Script
}

// newLog makes a check of a log; journal is whether it is a unit's.
func newLog(t *testing.T, journal bool, attrs map[string]any) *aLog {
	t.Helper()
	where := map[bool]string{false: "file", true: "unit"}[journal]
	attrs[where] = map[bool]string{false: "app log", true: "app.service"}[journal]
	q := question("log", attrs)
	q.Within, q.Every = lang.Duration(500*time.Millisecond), lang.Duration(100*time.Millisecond)
	c, err := check.Host(q, check.Place{Dir: ".shipit/tmp", Run: "run-1"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := remote.NewLocal(t.TempDir()).Dial(t.Context(), remote.Target{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &aLog{t, conn, q, c}
}

// journalctl is a stand-in that knows what the checks ask: its journal is
// the file, its cursors are numbers of lines.
const journalctl = `journalctl() {
  from=0 show=
  [ -e "app log" ] || : >"app log"
  for a; do
    case $a in
      --after-cursor=*) from=${a#*=s=} ;;
      --show-cursor) show=1 ;;
    esac
  done
  all=$(wc -l <"app log")
  if [ -n "$show" ]; then [ "$all" = 0 ] || { tail -n 1 "app log"; echo "-- cursor: s=$all"; }; return; fi
  tail -n +"$((from + 1))" "app log"
}
timeout() { shift 2; "$@"; }
say() { echo "$@" >>"app log"; }
`

// run is one script: what happens, and what is asked then.
func (l *aLog) run(shell string) error {
	l.t.Helper()
	err := l.conn.Run(l.t.Context(), remote.Command{Steps: []remote.Step{{ID: "check", Shell: virtually(l.q.Every, journalctl+shell)}}})
	var no *remote.StepError
	if errors.As(err, &no) {
		said := strings.Join(no.Output, "\n")
		if check.IsUnknown(nil, no.Code) != strings.HasPrefix(said, "unknown: ") {
			l.t.Errorf("exit status %d: %s", no.Code, said)
		}
		return errors.New(said)
	}
	return err
}

func TestLog(t *testing.T) {
	t.Parallel()
	must := map[string]any{"must": "listening on [0-9]+"}
	mustNot := func(max int) map[string]any {
		return map[string]any{"must_not": "ERR(OR)?", "max": int64(max), "window": "300ms"}
	}
	for name, c := range map[string]struct {
		attrs           map[string]any
		before, restart string
		want            string
		only            string // "file" or "journal"
	}{
		"said":           {must, "say old", "say listening on 80", "", ""},
		"said before":    {must, "say listening on 80", "say starting", "no line since the restart matches listening on [0-9]+", ""},
		"said late":      {must, "say old", "later() { say listening on 80; }", "", ""},
		"nothing":        {must, "say listening on 80", ":", "unknown: nothing was logged since the restart", ""},
		"no errors":      {mustNot(0), "say ERROR", "say fine", "", ""},
		"an error":       {mustNot(0), "say fine", "say fine; say an ERROR x", "1 lines match ERR(OR)?, at most 0 may; the last is an ERROR x", ""},
		"a late error":   {mustNot(0), "say fine", "say fine; later() { say ERR; }", "1 lines match", ""},
		"few errors":     {mustNot(2), "say fine", "say ERR; say ERR", "", ""},
		"many errors":    {mustNot(2), "say fine", "say ERR; say ERR; say ERR", "3 lines match ERR(OR)?, at most 2 may", ""},
		"quiet":          {mustNot(0), "say fine", ":", "unknown: nothing was logged since the restart", ""},
		"new file":       {must, "", "say listening on 80", "", ""},
		"rotated":        {mustNot(0), "say fine", "say ERR; mv 'app log' 'app log.1'; say new", "1 lines match", "file"},
		"rotated by day": {must, "say fine", "say listening on 1; mv 'app log' 'app log-20150610'; : >'app log'; say new", "", "file"},
		"copied and cut": {mustNot(0), "say fine and long", "say ERR; cp 'app log' 'app log.1'; : >'app log'; say new", "1 lines match", "file"},
		"compressed":     {mustNot(0), "say fine", "mv 'app log' away; say new", "unknown: lines of app log are gone", "file"},
		"no file":        {mustNot(0), "", ":", "unknown: nothing was logged", "file"},
		"a flood":        {mustNot(0), "say fine", "head -c 17000000 /dev/zero | tr '\\0' 'a' >>'app log'", "unknown: more than 16777216 bytes", "file"},
		"bytes":          {mustNot(0), "say fine", `printf '\000\377 ERR\n' >>'app log'`, "1 lines match", ""},
	} {
		for _, kind := range []string{"file", "journal"} {
			if c.only != "" && c.only != kind {
				continue
			}
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				attrs := map[string]any{}
				for k, v := range c.attrs {
					attrs[k] = v
				}
				l := newLog(t, kind == "journal", attrs)
				script := c.before + "\n" + l.c.Before + c.restart + "\n"
				judge(t, name, l.run(script+l.c.Shell()), c.want)
			})
		}
	}
}

// In a soak every line counts once, and a quiet service is no unknown any
// more: it has spoken since its restart.
func TestALogIsReadOnInASoak(t *testing.T) {
	t.Parallel()
	for _, journal := range []bool{false, true} {
		l := newLog(t, journal, map[string]any{"must_not": "ERR", "max": int64(1), "window": "200ms"})
		judge(t, "restart", l.run("say old ERR\n"+l.c.Before+"say up; say ERR\n"+l.c.Shell()), "")
		judge(t, "one more", l.run("say ERR\n"+l.c.Shell()), "")
		judge(t, "quiet", l.run(l.c.Shell()), "")
		judge(t, "many", l.run("yes ERR | head -n 1000 >>'app log'\n"+l.c.Shell()), "1000 lines match ERR, at most ")
	}
}

func TestWhatAnotherRunKeptIsNothingWorth(t *testing.T) {
	t.Parallel()
	l := newLog(t, false, map[string]any{"must": "up"})
	judge(t, "first", l.run(l.c.Before+"say up\n"+l.c.Shell()), "")
	again := strings.ReplaceAll(l.c.Shell(), "run=run-1", "run=run-2")
	judge(t, "another", l.run(again), "unknown: nothing was logged")
	judge(t, "unreadable", l.run("mkdir -p .shipit; rm -rf .shipit/tmp; : >.shipit/tmp\n"+l.c.Shell()), "unknown: cannot write .shipit/tmp/log.")
}
