package remote

import (
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const configFile = `
# what people write
Host web1 web2
  HostName %h.example.org
  Port 2222
  User=deploy
  IdentityFile ~/.ssh/%r_key
  IdentitiesOnly yes

Host "quoted" !not *.q
	User "q"

Host *.dc1 !jump.dc1
  ProxyJump me@jump.dc1:2200,other
Host jump.dc1
  ProxyJump none
Host alias
  HostKeyAlias canonical
  UserKnownHostsFile ~/.ssh/kh1 /tmp/kh2
Match all
Include extra/*
Host *
  User fallback
  IdentityFile ~/.ssh/all
  ForwardAgent yes
  ServerAliveInterval 5
  Port 22
`

func newConfig(t *testing.T, text string) (*sshConfig, *[]string) {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{"config": text, "extra/a": "Host inc\n User included\n"} {
		path := filepath.Join(home, ".ssh", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var warned []string
	return &sshConfig{
		home: home, localUser: "me", system: filepath.Join(home, "none"), foreign: true,
		warn: func(s string) { warned = append(warned, s) }, known: map[string]*answer{},
	}, &warned
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c, warned := newConfig(t, configFile)
	short := func(s settings) map[string]any {
		m := map[string]any{"host": s.hostName, "port": s.port, "user": s.user, "ids": strings.ReplaceAll(strings.Join(s.identities, " "), c.home, "~")}
		if s.identitiesOnly {
			m["only"] = true
		}
		if s.proxyJump != nil {
			m["jump"] = strings.Join(s.proxyJump, " ")
		}
		if s.hostKeyAlias != "" {
			m["alias"] = s.hostKeyAlias
			m["known"] = strings.ReplaceAll(strings.Join(s.userKnown, " "), c.home, "~")
		}
		return m
	}
	for host, want := range map[string]map[string]any{
		"web1":     {"host": "web1.example.org", "port": 2222, "user": "deploy", "ids": "~/.ssh/deploy_key ~/.ssh/all", "only": true},
		"quoted":   {"host": "quoted", "port": 22, "user": "q", "ids": "~/.ssh/all"},
		"a.dc1":    {"host": "a.dc1", "port": 22, "user": "fallback", "ids": "~/.ssh/all", "jump": "me@jump.dc1:2200 other"},
		"jump.dc1": {"host": "jump.dc1", "port": 22, "user": "fallback", "ids": "~/.ssh/all"},
		"alias":    {"host": "alias", "port": 22, "user": "fallback", "ids": "~/.ssh/all", "alias": "canonical", "known": "~/.ssh/kh1 /tmp/kh2"},
		"inc":      {"host": "inc", "port": 22, "user": "included", "ids": "~/.ssh/all"},
	} {
		got, err := c.lookup(context.Background(), host)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, short(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", host, d)
		}
	}
	if len(c.odd) > 0 || len(*warned) > 0 {
		t.Errorf("not understood: %v, warned: %v", c.odd, *warned)
	}
}

// What we read ourselves, ssh reads alike.
func TestConfigAgreesWithSSH(t *testing.T) {
	t.Parallel()
	program, err := osexec.LookPath("ssh")
	if err != nil {
		t.Skip(err)
	}
	ours, _ := newConfig(t, configFile)
	// ssh resolves relative includes against its own idea of home.
	path := filepath.Join(ours.home, ".ssh/config")
	if err := os.WriteFile(path, []byte(strings.Replace(configFile, "Include ", "Include "+ours.home+"/.ssh/", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	theirs := &sshConfig{home: ours.home, localUser: "me", program: program, file: path}
	for _, host := range []string{"web1", "web2", "quoted", "not", "x.q", "a.dc1", "jump.dc1", "alias", "inc", "other"} {
		ctx := context.Background()
		want, err := theirs.ask(ctx, host)
		if err != nil {
			t.Fatal(err)
		}
		want.resolve(host, ours.home, "me")
		got, err := ours.lookup(ctx, host)
		if err != nil {
			t.Fatal(err)
		}
		if want.port == 0 || got.port == 0 {
			t.Errorf("%s: port %d, ssh says %d", host, got.port, want.port)
		}
		got.globalKnown, want.globalKnown = nil, nil
		if host != "alias" { // ssh expands ~ in its defaults by the passwd database
			got.userKnown, want.userKnown = nil, nil
		} else {
			for i, f := range want.userKnown {
				if f != got.userKnown[i] && filepath.Base(f) == filepath.Base(got.userKnown[i]) {
					want.userKnown[i] = got.userKnown[i]
				}
			}
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); d != "" {
			t.Errorf("%s (-ssh +we):\n%s", host, d)
		}
	}
}

func TestConfigBeyondUs(t *testing.T) {
	t.Parallel()
	text := "Host a\n  User u\nMatch exec \"true\"\n  User m\nHost *\n  BindAddress 1.2.3.4\n"
	c, warned := newConfig(t, text)
	s, err := c.lookup(context.Background(), "a")
	if err != nil || s.user != "u" {
		t.Errorf("user %q, %v", s.user, err)
	}
	if s, _ := c.lookup(context.Background(), "b"); s.user != "" {
		t.Errorf("what stands under a Match that we cannot judge was used: %q", s.user)
	}
	if len(*warned) != 1 || !strings.Contains((*warned)[0], "Match (") || !strings.Contains((*warned)[0], "config:6") {
		t.Errorf("warned %q, want one sentence that names the lines", *warned)
	}

	program, err := osexec.LookPath("ssh")
	if err != nil {
		t.Skip(err)
	}
	c, warned = newConfig(t, text)
	c.program = program
	if s, err := c.lookup(context.Background(), "b"); err != nil || s.user != "m" {
		t.Errorf("ssh says user %q, %v; want m", s.user, err)
	}
	if len(*warned) > 0 {
		t.Errorf("warned %q", *warned)
	}
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Port many":               `config:1: "many" is not a port`,
		"Include ~/.ssh/loop/[":   "syntax error",
		"Host b\nPort x\nHost a":  `config:2: "x" is not a port`,
		"IdentityFile \"unclosed": "",
	} {
		c, _ := newConfig(t, text+"\n")
		_, err := c.lookup(context.Background(), "a")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	c, _ := newConfig(t, "")
	for _, name := range []string{"", "-oProxyCommand=x", "a b", "a;b", "$(x)", "a\nb"} {
		if _, err := c.lookup(context.Background(), name); err == nil {
			t.Errorf("%q is taken for a host name", name)
		}
	}
}

func TestSystemConfigOfDebianNeedsNoProgram(t *testing.T) {
	t.Parallel()
	c, _ := newConfig(t, "")
	c.system = filepath.Join(c.home, "ssh_config")
	if err := os.WriteFile(c.system, []byte("Include /etc/none/*.conf\nHost *\n#   Port 22\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n    GSSAPIAuthentication yes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.program = "/nonexistent/ssh"
	if _, err := c.lookup(context.Background(), "a"); err != nil {
		t.Error(err)
	}
}
