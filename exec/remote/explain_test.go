package remote

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSettingsSayWhoDecided(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, "config")
	if err := os.WriteFile(config, []byte("Host web1\n  HostName 192.0.2.1\n  Port 2200\nHost *\n  User deploy\n  ProxyJump bastion\n  IdentityFile ~/.ssh/work\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewSSH(SSHOptions{Home: home, ConfigFile: config})
	defer s.Close()
	known := filepath.Join(home, ".ssh/known_hosts") + ", " + filepath.Join(home, ".ssh/known_hosts2") +
		", /etc/ssh/ssh_known_hosts, /etc/ssh/ssh_known_hosts2 (no key of this host)"
	for _, c := range []struct {
		target Target
		want   []Setting
	}{
		{Target{Name: "web1"}, []Setting{
			{"via", "builtin", FromDefault},
			{"address", "192.0.2.1", FromSSHConfig},
			{"port", "2200", FromSSHConfig},
			{"user", "deploy", FromSSHConfig},
			{"jump", "bastion", FromSSHConfig},
			{"identity", filepath.Join(home, ".ssh/work"), FromSSHConfig},
			{"known_hosts", known, FromDefault},
		}},
		{Target{Name: "web2", Address: "192.0.2.2", User: "root", Jump: []string{}, Identity: "/keys/id", Via: OpenSSH, Legacy: true}, []Setting{
			{"via", "openssh", FromDefinition},
			{"address", "192.0.2.2", FromDefinition},
			{"port", "22", FromDefault},
			{"user", "root", FromDefinition},
			{"jump", "", FromDefinition},
			{"legacy_algorithms", "true", FromDefinition},
			{"identity", "/keys/id", FromDefinition},
			{"known_hosts", known, FromDefault},
		}},
	} {
		got, err := s.Settings(t.Context(), c.target)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.target.Name, diff)
		}
	}
}
