package journal_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// errand is what TestAsAnotherUser does, as the user that it was started as.
type errand struct {
	Dir, Run, Do, By string
	Umask            int
}

const errandVariable = "SHIPIT_TEST_ERRAND"

// TestAsAnotherUser is no test: others start it as users of this machine.
func TestAsAnotherUser(t *testing.T) {
	text := os.Getenv(errandVariable)
	if text == "" {
		t.Skip("nobody sent it")
	}
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	syscall.Umask(e.Umask)
	dir := journal.Dir(e.Dir)
	if err := dir.Check(); err != nil {
		t.Fatal(err)
	}
	var err error
	switch e.Do {
	case "begin":
		var j *journal.Journal
		if j, err = journal.Create(e.Dir, e.Run, journal.Header{Time: time.Unix(1, 0), By: e.By}); err == nil {
			err = j.Append(event.Event{Seq: 1, Type: event.RunStarted})
		}
		if err == nil {
			err = journal.SavePlan(e.Dir, e.Run, []byte("{}"))
		}
		if err == nil {
			_, err = journal.OpenLog(e.Dir, e.Run)
		}
	case "look":
		var r *journal.Record
		if r, err = journal.Load(dir.Path(e.Run)); err == nil && len(r.Events) != 1 {
			err = fmt.Errorf("it has %d events", len(r.Events))
		}
		if err == nil {
			_, err = journal.Plan(dir.Path(e.Run))
		}
	case "go on":
		var j *journal.Journal
		if j, _, err = journal.Open(dir.Path(e.Run)); err == nil {
			err = j.Append(event.Event{Seq: 2, Type: event.RunResumed})
		}
		if err == nil {
			_, err = journal.OpenLog(e.Dir, e.Run)
		}
	default:
		_, err = journal.Intend(dir.Path(e.Run), journal.Intent{Do: e.Do, By: e.By})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shared is a directory of a group that two users of this machine are in, and
// how to send one of them on an errand.
func shared(t *testing.T) (dir string, send func(user string, e errand) error) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be two users")
	}
	top := t.TempDir()
	for d := top; strings.Contains(d, t.Name()[:8]); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const group = 54321
	dir = filepath.Join(top, "runs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 0, group); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o770|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Another process writes it: while this one does, what other tests start holds it open, and it is busy.
	program := filepath.Join(top, "journal.test")
	if out, err := osexec.Command("cp", "--", self, program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir, func(name string, e errand) error {
		e.Dir = dir
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		u, err := user.Lookup(name)
		if err != nil {
			t.Skipf("there is no user %s here", name)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		cmd := osexec.Command(program, "-test.run=^TestAsAnotherUser$")
		cmd.Dir, cmd.Env = "/", append(os.Environ(), errandVariable+"="+string(text), "GOCOVERDIR=")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{group}}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
}

// TestAGroupSharesADirectory: another user reads, steers and goes on with a
// run; whose wish it was says the kernel, whatever is claimed.
func TestAGroupSharesADirectory(t *testing.T) {
	t.Parallel()
	dir, send := shared(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		user string
		errand
	}{
		{"daemon", errand{Run: "run-1", Do: "begin", By: "daemon@here", Umask: 0o077}},
		{"nobody", errand{Run: "run-1", Do: "look"}},
		{"nobody", errand{Run: "run-1", Do: "pause", By: "daemon@here"}},
		{"daemon", errand{Run: "run-1", Do: "continue", By: "nobody@here", Umask: 0o077}},
		{"nobody", errand{Run: "run-1", Do: "abort", By: "root@here"}},
		{"nobody", errand{Run: "run-1", Do: "go on"}},
	} {
		if err := send(e.user, e.errand); err != nil {
			t.Fatalf("%s: %v", e.Do, err)
		}
	}
	path := journal.Dir(dir).Path("run-1")
	if _, err := journal.Intend(path, journal.Intent{Do: "skip", By: "anna@here"}); err != nil { // as root, who is believed
		t.Fatal(err)
	}
	got := wishes(t, path)
	want := []string{"1 pause nobody@" + host, "2 continue daemon@" + host, "3 abort nobody@" + host, "4 skip anna@here"}
	if !slices.Equal(got, want) {
		t.Errorf("the wishes are %q, want %q", got, want)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		mode := fs.FileMode(0o660)
		if strings.Contains(f.Name(), ".intents.") {
			mode = 0o640 // else others could write in his name
		}
		if info.Mode() != mode || info.Sys().(*syscall.Stat_t).Gid != 54321 {
			t.Errorf("%s is %s of group %d", f.Name(), info.Mode(), info.Sys().(*syscall.Stat_t).Gid)
		}
	}
	if len(files) != 7 { // journal, plan, log, numbers, and a file for each of three users
		t.Errorf("there are %d files: %v", len(files), files)
	}
}

// TestNobodyWritesInAnothersName: neither by a file that others may write, nor
// by one that was written for another run.
func TestNobodyWritesInAnothersName(t *testing.T) {
	t.Parallel()
	dir, send := shared(t)
	for _, run := range []string{"run-1", "run-2"} {
		if err := send("daemon", errand{Run: run, Do: "abort", By: "daemon@here"}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "run-2.intents.*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	path := journal.Dir(dir).Path("run-1")
	list, err := os.OpenFile(filepath.Join(dir, "run-1.intents"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = list.WriteString("9\n10\n11\n../run-2.intents.1\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	list.Close()
	if err := os.Rename(files[0], filepath.Join(dir, "run-1.intents.9")); err != nil {
		t.Fatal(err)
	}
	if got := wishes(t, path); len(got) != 1 || !strings.HasPrefix(got[0], "1 abort daemon@") {
		t.Errorf("with a file of another run the wishes are %q", got)
	}
	if err := os.Symlink("run-1.intents.1", filepath.Join(dir, "run-1.intents.10")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "run-1.intents.11"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := wishes(t, path); len(got) != 1 {
		t.Errorf("with odd files the wishes are %q", got)
	}
	if err := os.Chmod(filepath.Join(dir, "run-1.intents.1"), 0o660); err != nil {
		t.Fatal(err)
	}
	if got := wishes(t, path); len(got) != 0 {
		t.Errorf("of a file that the group can write the wishes are %q", got)
	}
}

func wishes(t *testing.T, path string) []string {
	t.Helper()
	all, err := journal.Intents(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range all {
		out = append(out, fmt.Sprintf("%d %s %s", i.N, i.Do, i.By))
	}
	return out
}

// TestADirectoryOfOthersIsRefused: who can change what is recorded decides
// what is done by it.
func TestADirectoryOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mode := func(m fs.FileMode) {
		if err := os.Chmod(dir, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []fs.FileMode{0o700, 0o755, 0o775, 0o770 | fs.ModeSetgid} {
		mode(m)
		if err := journal.Dir(dir).Check(); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		if got, want := journal.Dir(dir).Shared(), m&fs.ModeSetgid != 0; got != want {
			t.Errorf("%s: shared is %t", m, got)
		}
	}
	if err := journal.Dir(filepath.Join(dir, "none")).Check(); err != nil {
		t.Errorf("one that is not there: %v", err)
	}
	for _, m := range []fs.FileMode{0o777, 0o777 | fs.ModeSticky, 0o703} {
		mode(m)
		if err := journal.Dir(dir).Check(); err == nil || !strings.Contains(err.Error(), "chmod o-w "+dir) {
			t.Errorf("%s: %v", m, err)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	mode(0o700)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := journal.Dir(dir).Check(); err == nil || !strings.Contains(err.Error(), "it belongs to nobody, neither to root nor") {
		t.Errorf("of another user: %v", err)
	}
	if err := journal.Dir(dir).Check(65534); err != nil {
		t.Errorf("of one who is trusted: %v", err)
	}
}
