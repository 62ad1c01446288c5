package remote_test

import (
	"bytes"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shipit/exec/remote"
)

const nonce = "0123456789abcdef0123456789abcdef"

// A login shell sees nothing but Exec, and each reads it alike, whatever its
// own start-up files print.
func TestExecInLoginShells(t *testing.T) {
	t.Parallel()
	noise := map[string]string{ // where each shell reads commands from at its start
		"sh": "", "dash": "", "ksh": "", "bash": ".bashrc", "zsh": ".zshenv", "tcsh": ".tcshrc", "fish": ".config/fish/config.fish",
		"busybox": "",
	}
	for name, rc := range noise {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := osexec.LookPath(name)
			if err != nil {
				t.Skip(err)
			}
			home := t.TempDir()
			if rc != "" {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(home, rc)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(home, rc), []byte("echo hello from the rc file\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"-c", remote.Exec}
			if name == "busybox" {
				args = append([]string{"sh"}, args...)
			}
			cmd := osexec.Command(path, args...)
			cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "BASH_ENV=" + home + "/.bashrc"}
			odd := `a\'b "c" !d $e ` + "`f` \\"
			in, w := io.Pipe()
			script := remote.Input
			if rc != "" { // which makes half of the shells
				script = remote.Packed
			}
			go func() { // the input stays open, as it does on a host
				io.WriteString(w, script(remote.Command{Steps: []remote.Step{{ID: "s", Shell: "fact odd " + remote.Quote(odd)}}}, nonce))
			}()
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			go io.Copy(stdin, in)
			out, err := cmd.CombinedOutput()
			w.Close()
			want := "\x1e" + nonce + " fact odd " + odd + "\n"
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("error %v, output %q, want %q in it", err, out, want)
			}
			if rc != "" && !strings.Contains(string(out), "hello") {
				t.Errorf("the rc file was not read, so this test shows nothing: %q", out)
			}
		})
	}
}

func TestCutScriptRunsNothing(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(remote.Command, string) string{"plain": remote.Input, "packed": remote.Packed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			in := script(remote.Command{Steps: []remote.Step{{ID: "s", Shell: "echo >" + dir + "/ran"}}}, nonce)
			for n := 0; n <= len(in); n += max(1, min(97, len(in)-n)) {
				cmd := osexec.Command("/bin/sh", "-c", remote.Exec)
				cmd.Stdin = strings.NewReader(in[:n])
				out, err := cmd.CombinedOutput()
				_, statErr := os.Stat(dir + "/ran")
				if n < len(in) && (statErr == nil || err == nil || bytes.Contains(out, []byte("\x1e"))) {
					t.Fatalf("cut at %d of %d: error %v, output %q, ran %v", n, len(in), err, out, statErr == nil)
				}
			}
			if _, err := os.Stat(dir + "/ran"); err != nil {
				t.Errorf("all of it did not run, so this test shows nothing: %v", err)
			}
		})
	}
}

// Every byte that a script may have arrives: the host counts bytes, not
// characters.
func TestScriptOfAnyBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 200).Draw(t, "bytes")
		in := remote.Input(remote.Command{
			Steps: []remote.Step{{ID: "s", Shell: "printf %s " + remote.Quote(string(b)) + " | od -An -v -tx1 | tr -d ' \\n'"}},
			Hold:  strings.NewReader(""),
		}, nonce)
		cmd := osexec.Command("/bin/sh", "-c", remote.Exec)
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.CombinedOutput()
		want := hexOf(b) + "\x1e" + nonce + " end s 0\n"
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("error %v, output %q, want %q in it", err, out, want)
		}
	})
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "'", `a\'; echo x #`, "$(x)`y`", "-n", "~", "\n\n", "\xff\x81\x88", "!", "*?[a]{b}", "a=b", "é\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.IndexByte(s, 0) >= 0 {
			t.Skip("no argument holds NUL")
		}
		for _, sh := range []string{"sh", "bash"} {
			out, err := osexec.Command(sh, "-c", "printf %s. "+remote.Quote(s)).Output()
			if err != nil || string(out) != s+"." {
				t.Errorf("%s makes %q of %q (%v)", sh, out, s, err)
			}
		}
	})
}

func TestQuotePathIsNoOption(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"-rf": "./-rf", "/a b": "'/a b'", "a": "a", "": "''"} {
		if got := remote.QuotePath(in); got != want {
			t.Errorf("QuotePath(%q) = %q, want %q", in, got, want)
		}
	}
}

// A login whose idle sessions shall end has TMOUT, and bash as sh would not
// wait longer than that for what the deployer says.
func TestALoginWithTMOUTWaits(t *testing.T) {
	t.Parallel()
	bash, err := osexec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	cmd := osexec.Command(bash, "-c", strings.Replace(remote.Exec, "/bin/sh", bash+" --posix", 1))
	cmd.Env = append(os.Environ(), "TMOUT=1", "HOME="+t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if _, err := io.WriteString(in, "10\necho heard"); err != nil {
		t.Error(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil || out.String() != "heard\n" {
		t.Errorf("it says %q, %v", out.String(), err)
	}
}
