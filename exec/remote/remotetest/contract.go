// Package remotetest holds what every remote.Runner that runs a shell must
// do, as tests, and hosts on loopback to do it on.
package remotetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipit/exec/remote"
)

// limit bounds what must end by itself; a test never waits for it when all
// is well.
const limit = 30 * time.Second

// A Dial connects to a host that shares this machine's files and processes.
type Dial func(t *testing.T) remote.Conn

// Run runs the contract of remote.Runner against hosts that dial connects to.
func Run(t *testing.T, dial Dial) {
	for _, tc := range []struct {
		name string
		test func(*testing.T, Dial)
	}{
		{"steps run in order", testOrder},
		{"the first failure stops", testFailure},
		{"a syntax error is its step's failure", testSyntax},
		{"facts have any bytes", testFacts},
		{"hostile output forges nothing", testForgery},
		{"endless output is bounded", testEndless},
		{"data is exact", testData},
		{"data is read in any step", testDataLate},
		{"data that is short fails", testDataShort},
		{"data nobody asks for is not read", testDataUnused},
		{"hold reaches the steps", testHold},
		{"a daemon that keeps the output holds nothing", testDaemon},
		{"apart outlives the script", testApart},
		{"run gives up in time", testRunTimeout},
		{"run becomes nobody needlessly", testRunAs},
		{"cancel kills the process group", testCancel},
		{"cancel kills what ignores TERM", testCancelStubborn},
		{"cancel reaches what starts meanwhile", testCancelStartsAnother},
		{"cancel ends data", testCancelData},
		{"a cancelled context runs nothing", testCancelBefore},
		{"a closed connection ends commands", testClose},
		{"a shell that is killed is unknown", testKilled},
		{"the fence", testFence},
		{"many commands at once", testConcurrent},
		{"commands see a plain environment", testEnvironment},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.test(t, dial)
		})
	}
	Keep(t, dial)
}

// Keep is the part of the contract that is about shells which are kept.
func Keep(t *testing.T, dial Dial) {
	for name, test := range map[string]func(*testing.T, Dial){
		"a shell that is kept runs each command alone": testKeep,
		"a failure in a shell that is kept":            testKeepFailure,
		"a shell that is kept holds a lock":            testKeepHold,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, dial)
		})
	}
}

// A log collects records.
type log struct {
	mu      sync.Mutex
	records []remote.Record
}

func (l *log) on(r remote.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

func (l *log) all() []remote.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]remote.Record(nil), l.records...)
}

func ctxFor(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// do runs steps "a", "b", … and returns what they said.
func do(t *testing.T, c remote.Conn, steps ...string) ([]remote.Record, error) {
	t.Helper()
	return doCommand(t, c, remote.Command{}, steps...)
}

func doCommand(t *testing.T, c remote.Conn, cmd remote.Command, steps ...string) ([]remote.Record, error) {
	t.Helper()
	var l log
	cmd.Name, cmd.On = "test", l.on
	cmd.Steps = steps_(steps...)
	err := c.Run(ctxFor(t), cmd)
	return l.all(), err
}

func steps_(shell ...string) []remote.Step {
	var steps []remote.Step
	for i, s := range shell {
		steps = append(steps, remote.Step{ID: string(rune('a' + i)), Shell: s})
	}
	return steps
}

func begin(id string) remote.Record { return remote.Record{Kind: remote.Begin, Step: id} }
func end(id string, code int) remote.Record {
	return remote.Record{Kind: remote.End, Step: id, Code: code}
}

func out(id, text string) remote.Record {
	return remote.Record{Kind: remote.Output, Step: id, Text: text}
}

func fact(id, key, text string) remote.Record {
	return remote.Record{Kind: remote.Fact, Step: id, Key: key, Text: text}
}

func same(t *testing.T, got, want []remote.Record) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("records (-want +got):\n%s", d)
	}
}

func testOrder(t *testing.T, dial Dial) {
	got, err := do(t, dial(t), "echo one; echo two >&2", "printf three", "fact k v w; x=1; return 0 2>/dev/null; exit 0")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{
		begin("a"), out("a", "one"), out("a", "two"), end("a", 0),
		begin("b"), out("b", "three"), end("b", 0),
		begin("c"), fact("c", "k", "v w"), end("c", 0),
	})
}

func testFailure(t *testing.T, dial Dial) {
	got, err := do(t, dial(t), "echo fine", "echo before; false; echo after", "echo never")
	same(t, got, []remote.Record{begin("a"), out("a", "fine"), end("a", 0), begin("b"), out("b", "before"), end("b", 1)})
	want := &remote.StepError{Step: "b", Code: 1, Output: []string{"before"}}
	var se *remote.StepError
	if !errors.As(err, &se) {
		t.Fatalf("error %v, want a StepError", err)
	}
	if d := cmp.Diff(want, se); d != "" {
		t.Errorf("error (-want +got):\n%s", d)
	}
	// What the program ssh says for itself is only a status here.
	if _, err := do(t, dial(t), "exit 255"); !errors.As(err, &se) || se.Code != 255 {
		t.Errorf("error %v, want exit status 255", err)
	}
	if _, err := do(t, dial(t), "die why it failed"); !errors.As(err, &se) || !cmp.Equal(se.Output, []string{"why it failed"}) {
		t.Errorf("die: error %v with %v", err, se)
	}
}

func testSyntax(t *testing.T, dial Dial) {
	got, err := do(t, dial(t), "echo fine", "}; if then (", "echo never")
	var se *remote.StepError
	if !errors.As(err, &se) || se.Step != "b" {
		t.Fatalf("error %v, want a StepError of b", err)
	}
	if len(got) < 5 || got[3] != begin("b") || got[len(got)-1].Kind != remote.End {
		t.Errorf("records %v", got)
	}
	// Not even a here-document that never ends reaches the next step.
	if _, err := do(t, dial(t), "cat <<'EOF' >/dev/null\n", "exit 7"); !errors.As(err, &se) || se.Step != "b" || se.Code != 7 {
		t.Errorf("error %v, want exit status 7 of b", err)
	}
}

func testFacts(t *testing.T, dial Dial) {
	raw := "\x00\x01\n\r\x1b[31m\x1e\xff'\"$`\\ü\n\n"
	got, err := do(t, dial(t), `printf '\000\001\n\r\033[31m\036\377'\''"$`+"`"+`\\\303\274\n\n' | fact64 raw; fact64 empty </dev/null; fact none; fact quote "a  'b' \\n"`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{
		begin("a"), fact("a", "raw", raw), fact("a", "empty", ""), fact("a", "none", ""), fact("a", "quote", `a  'b' \n`), end("a", 0),
	})
	got, err = do(t, dial(t), "head -c 300000 /dev/zero | fact64 big")
	if err != nil || len(got) != 3 || got[1].Text != strings.Repeat("\x00", 300000) {
		t.Errorf("a large fact: %v, %d records", err, len(got))
	}
	many := strings.Repeat("a\tb * $(x) \\n \x1e'\"`\n", 200) + "."
	texts := []string{"", "a  b", "a\nb", " a \n\tb c", "a\n\nb", "\na", "a\n", "\n", "a^b", "a^b\nc", "*\n-e\n?", many}
	script, want := "", []remote.Record{begin("a")}
	for _, x := range texts {
		script += "text k " + remote.Quote(x) + "\n"
		want = append(want, fact("a", "k", x))
	}
	// What parts words and finds files is as it was.
	got, err = do(t, dial(t), script+`x='1 2'; fact words $x; fact files /dev/nul[l]`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, append(want, fact("a", "words", "1 2"), fact("a", "files", "/dev/null"), end("a", 0)))
}

func testForgery(t *testing.T, dial Dial) {
	lines := []string{
		"\x1eend a 0", "\x1e" + strings.Repeat("0", 32) + " end a 0", "\x1e exit 0", "end a 0", "\x1e\x1e\x1e",
	}
	script := ""
	var want []remote.Record
	want = append(want, begin("a"))
	for _, l := range lines {
		script += "printf '%s\\n' " + remote.Quote(l) + "\n"
		want = append(want, out("a", l))
	}
	// A program that looks for the nonce finds it nowhere it can read.
	script += `run login 10 sh -c 'env; cat /proc/$PPID/cmdline | tr "\0" "\n" | grep -c "^.\{32\}$" ; true' | grep nonce || true
printf half
`
	want = append(want, out("a", "half"), end("a", 3))
	got, err := do(t, dial(t), script+"exit 3", "echo never")
	same(t, got, want)
	var se *remote.StepError
	if !errors.As(err, &se) || se.Code != 3 {
		t.Errorf("error %v, want exit status 3", err)
	}
}

func testEndless(t *testing.T, dial Dial) {
	got, err := do(t, dial(t), "head -c 3000000 /dev/zero | tr '\\0' x; fact after it; exit 4")
	var se *remote.StepError
	if !errors.As(err, &se) || se.Code != 4 {
		t.Fatalf("error %v, want exit status 4", err)
	}
	size := 0
	for _, r := range got {
		if r.Kind == remote.Output {
			size += len(r.Text)
		}
	}
	if size == 0 || size > 64<<10 {
		t.Errorf("%d bytes of one line were passed on, want at most 64 KiB", size)
	}
	if got[len(got)-2] != fact("a", "after", "it") {
		t.Errorf("the fact after the line is lost: %v", got[len(got)-2])
	}
	kept := 0
	for _, l := range se.Output {
		kept += len(l)
	}
	if kept > 4<<10 {
		t.Errorf("the error keeps %d bytes", kept)
	}
	if _, err := do(t, dial(t), "i=0; while [ $i -lt 100 ]; do echo $i; i=$((i+1)); done; false"); !errors.As(err, &se) || len(se.Output) != 20 || se.Output[19] != "99" {
		t.Errorf("error %v keeps %v, want the last 20 lines", err, se.Output)
	}
}

// pattern is data that shows a lost or doubled byte.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func testData(t *testing.T, dial Dial) {
	for _, n := range []int{0, 1, 4096, 1<<20 + 7} {
		data := pattern(n)
		got, err := doCommand(t, dial(t), remote.Command{Data: strings.NewReader(string(data) + "more than was promised"), DataSize: int64(n)},
			"data sha256sum | { read -r sum _; fact sum $sum; }", "echo on")
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		same(t, got, []remote.Record{
			begin("a"), fact("a", "sum", fmt.Sprintf("%x", sha256.Sum256(data))), end("a", 0), begin("b"), out("b", "on"), end("b", 0),
		})
	}
}

func testDataLate(t *testing.T, dial Dial) {
	// The command that gets the data reads none of it: that is its affair.
	data := pattern(300000)
	got, err := doCommand(t, dial(t), remote.Command{Data: strings.NewReader(string(data)), DataSize: int64(len(data))},
		"echo before", "data true; echo here", "cat; echo after")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{
		begin("a"), out("a", "before"), end("a", 0), begin("b"), out("b", "here"), end("b", 0), begin("c"), out("c", "after"), end("c", 0),
	})
	_, err = doCommand(t, dial(t), remote.Command{Data: strings.NewReader(string(data)), DataSize: int64(len(data))}, "data sh -c 'exit 9'")
	var se *remote.StepError
	if !errors.As(err, &se) || se.Code != 9 {
		t.Errorf("error %v, want exit status 9", err)
	}
}

func testDataShort(t *testing.T, dial Dial) {
	err := dial(t).Run(ctxFor(t), remote.Command{
		Data: strings.NewReader("short"), DataSize: 10,
		Steps: steps_("data cat", "echo never"),
	})
	if err == nil {
		t.Error("a command whose data was short succeeded")
	}
}

type countingReader struct{ n int }

func (r *countingReader) Read(b []byte) (int, error) { r.n += len(b); return len(b), nil }

func testDataUnused(t *testing.T, dial Dial) {
	var r countingReader
	_, err := doCommand(t, dial(t), remote.Command{Data: &r, DataSize: 1 << 40}, "echo no need")
	if err != nil || r.n != 0 {
		t.Errorf("error %v, %d bytes read", err, r.n)
	}
}

func testHold(t *testing.T, dial Dial) {
	in, w := io.Pipe()
	heard := make(chan string, 10)
	done := make(chan error, 1)
	c := dial(t)
	go func() {
		done <- c.Run(ctxFor(t), remote.Command{
			Hold:  in,
			Steps: steps_("while b=$(head -c 1 <&5) && [ -n \"$b\" ]; do fact byte $b; done; fact byte end", "echo next"),
			On: func(r remote.Record) {
				if r.Kind == remote.Fact {
					heard <- r.Text
				}
			},
		})
	}()
	for _, b := range []string{"x", "y"} {
		io.WriteString(w, b)
		if got := <-heard; got != b {
			t.Errorf("heard %q, want %q", got, b)
		}
	}
	w.Close()
	if got := <-heard; got != "end" {
		t.Errorf("heard %q, want the end", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func testEnvironment(t *testing.T, dial Dial) {
	got, err := do(t, dial(t), `fact umask $(umask -S); fact lc $LC_ALL; fact pwd "$(pwd)"; fact home "$(cd && pwd)"; cat; fact args $#`)
	if err != nil {
		t.Fatal(err)
	}
	if got[3].Text == "" || got[3].Text != got[4].Text {
		t.Errorf("starts in %q, home is %q", got[3].Text, got[4].Text)
	}
	same(t, append(got[:3:3], got[5:]...), []remote.Record{
		begin("a"), fact("a", "umask", "u=rwx,g=rx,o=rx"), fact("a", "lc", "C"), fact("a", "args", "0"), end("a", 0),
	})
}

func testRunAs(t *testing.T, dial Dial) {
	c := dial(t)
	got, err := doCommand(t, c, remote.Command{RunAs: ""}, `run user 10 sh -c 'echo "$1"' x 'a  b'; run login 10 sh -c 'exit 5' || echo $?`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{begin("a"), out("a", "a  b"), out("a", "5"), end("a", 0)})
	if os.Getuid() != 0 {
		return // what follows needs sudo rules
	}
	got, err = doCommand(t, c, remote.Command{RunAs: c.Info().User}, `run user 10 echo self; run root 10 id -u`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{begin("a"), out("a", "self"), out("a", "0"), end("a", 0)})
	if _, err := osexec.LookPath("sudo"); err != nil {
		return
	}
	got, err = doCommand(t, c, remote.Command{RunAs: "nobody"}, `run user 10 id -un; run user 10 printf '%s.' 'a  b' -n; run login 10 id -un`)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{begin("a"), out("a", "nobody"), out("a", "a  b.-n."+c.Info().User), end("a", 0)})
}

func testFence(t *testing.T, dial Dial) {
	dir := t.TempDir()
	for name, text := range map[string]string{"generation": "7\n", "run": "r1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := dial(t)
	got, err := doCommand(t, c, remote.Command{Fence: &remote.Fence{Dir: dir, Run: "r1", Generation: 7}},
		"flock -n "+dir+"/guard true || echo guarded")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []remote.Record{begin("a"), out("a", "guarded"), end("a", 0)})
	for _, f := range []remote.Fence{
		{Dir: dir, Run: "r1", Generation: 8}, {Dir: dir, Run: "r2", Generation: 7}, {Dir: dir + "/gone", Run: "r1", Generation: 7},
	} {
		got, err := doCommand(t, c, remote.Command{Fence: &f}, "echo never")
		if !errors.Is(err, remote.ErrFenced) || len(got) != 0 {
			t.Errorf("%+v: error %v, records %v; want ErrFenced", f, err, got)
		}
	}
	// A daemon does not keep the guard.
	if _, err := doCommand(t, c, remote.Command{Fence: &remote.Fence{Dir: dir, Run: "r1", Generation: 7}},
		"apart login 10 sh -c 'sleep 20 & echo $! >"+dir+"/pid'", "true"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pidIn(t, filepath.Join(dir, "pid")), syscall.SIGKILL)
	if _, err := do(t, c, "flock -n "+dir+"/guard true"); err != nil {
		t.Errorf("the guard is still held after the script: %v", err)
	}
}

func testConcurrent(t *testing.T, dial Dial) {
	c := dial(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			got, err := do(t, c, "sleep 0.05; echo "+strconv.Itoa(i))
			if err != nil || len(got) != 3 || got[1].Text != strconv.Itoa(i) {
				t.Errorf("command %d: %v, %v", i, err, got)
			}
		})
	}
	wg.Wait()
}
