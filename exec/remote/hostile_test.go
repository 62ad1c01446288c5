package remote_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
	"shipit/exec/remote/remotetest"
	"shipit/exec/remote/sshserver"
)

func newPrivate(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// heard reads our script from a channel and gives its nonce.
func heard(ch ssh.Channel) string {
	in := bufio.NewReader(ch)
	var whole, packed int64
	line, _ := in.ReadString('\n')
	fmt.Sscan(line, &whole, &packed)
	script := io.LimitReader(in, whole)
	if packed > 0 {
		z, err := gzip.NewReader(io.LimitReader(in, packed))
		if err != nil {
			return ""
		}
		script = z
	}
	text, _ := io.ReadAll(script)
	m := nonceIn.FindSubmatch(text)
	if m == nil || int64(len(text)) != whole {
		return ""
	}
	return string(m[1])
}

var nonceIn = regexp.MustCompile(`nonce=([0-9a-f]{32})`)

func status(ch ssh.Channel, n uint32) {
	ch.SendRequest("exit-status", false, ssh.Marshal(struct{ N uint32 }{n}))
}

// What a host says is believed only as far as it makes sense.
func TestHostsThatMisbehave(t *testing.T) {
	t.Parallel()
	say := func(ch ssh.Channel, nonce string, frames ...string) {
		for _, f := range frames {
			io.WriteString(ch, "\x1e"+nonce+" "+f+"\n")
		}
	}
	for _, tc := range []struct {
		name   string
		serve  func(ch ssh.Channel)
		is     error  // what the error is; nil: an error that says that nothing ran
		text   string // part of it
		cancel bool
	}{
		{"no shell", func(ch ssh.Channel) {
			io.WriteString(ch, "This account is currently not available.\n")
			status(ch, 1)
		}, nil, `saying "This account is currently not available."`, false},
		{"complaint on standard error", func(ch ssh.Channel) {
			io.WriteString(ch.Stderr(), "sh: not found\n")
			ch.CloseWrite()
			status(ch, 127)
		}, nil, `exit status 127 before our script began, saying "sh: not found"; nothing ran`, false},
		{"cut", func(ch ssh.Channel) { status(ch, 97) }, nil, "did not arrive whole", false},
		{"no home", func(ch ssh.Channel) { status(ch, 96) }, nil, "home directory", false},
		{"says all is well, but its shell failed", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s", "end s 0", "exit 0")
			status(ch, 1)
		}, remote.ErrUnknown, "its script ended with 0, its shell with exit status 1", false},
		{"leaves out the steps", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "exit 0")
			status(ch, 0)
		}, remote.ErrUnknown, "after 0 of 1 steps", false},
		{"ends in the middle of a step", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s")
			status(ch, 0)
		}, remote.ErrUnknown, "in step s", false},
		{"closes in the middle of a step", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s")
		}, remote.ErrUnknown, "connection was lost", false},
		{"closes at once", func(ch ssh.Channel) { heard(ch) }, remote.ErrUnknown, "", false},
		{"killed by a signal", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s")
			ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
				Signal     string
				Core       bool
				Text, Lang string
			}{Signal: "KILL"}))
		}, remote.ErrUnknown, "signal KILL", false},
		{"says nonsense", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s", "fact64 k !!!", "end s 0", "exit 0")
			status(ch, 0)
		}, remote.ErrUnknown, "makes no sense", false},
		{"left something running", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s", "end s 137", "left 4711", "exit 1")
			status(ch, 1)
		}, remote.ErrUnknown, "4711", false},
		{"guard is busy", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "fenced busy", "exit 75")
			status(ch, 75)
		}, nil, "holds this host's guard; nothing ran", false},
		{"never answers", func(ch ssh.Channel) {
			heard(ch)
			io.Copy(io.Discard, ch)
			time.Sleep(2 * time.Second)
		}, remote.ErrUnknown, "no answer within", true},
		{"never stops talking", func(ch ssh.Channel) {
			say(ch, heard(ch), "hello", "begin s")
			b := []byte(strings.Repeat("x", 32<<10))
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
				if _, err := ch.Write(b); err != nil {
					return
				}
			}
		}, remote.ErrUnknown, "no answer within", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			h := remotetest.Server(t, func(c *sshserver.Config) {
				c.Exec = func(_, command string, ch ssh.Channel) bool {
					if tc.cancel {
						time.AfterFunc(50*time.Millisecond, cancel)
					}
					if command != remote.Exec {
						t.Errorf("command %q", command)
					}
					tc.serve(ch)
					return true
				}
			})
			c := h.Dial(t)
			err := c.Run(ctx, remote.Command{Steps: []remote.Step{{ID: "s", Shell: "true"}}, Grace: 100 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("error %v, want %q in it", err, tc.text)
			}
			if tc.is != nil != errors.Is(err, remote.ErrUnknown) {
				t.Errorf("error %v, want %v", err, tc.is)
			}
		})
	}
}

// A host that closes the session while our data is on its way, and one that
// takes none of it, both let go of us.
func TestDataToAHostThatTakesNone(t *testing.T) {
	t.Parallel()
	h := remotetest.Server(t, func(c *sshserver.Config) {
		c.Exec = func(_, _ string, ch ssh.Channel) bool {
			nonce := heard(ch)
			io.WriteString(ch, "\x1e"+nonce+" hello\n\x1e"+nonce+" begin s\n\x1e"+nonce+" data\n")
			time.Sleep(300 * time.Millisecond)
			return true
		}
	})
	err := h.Dial(t).Run(context.Background(), remote.Command{
		Steps: []remote.Step{{ID: "s", Shell: "data cat"}}, Data: zeros{}, DataSize: 1 << 30,
	})
	if !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
