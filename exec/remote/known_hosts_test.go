package remote

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

func testKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keyText(s ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

// hashed writes a name as HashKnownHosts does.
func hashed(name string) string {
	salt := []byte("twenty bytes of salt")
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestKnownHostsLookup(t *testing.T) {
	t.Parallel()
	k := keyText(testKey(t))
	file := strings.Join([]string{
		"# comment",                            // 1
		"",                                     // 2
		"plain.x,10.0.0.1 " + k + " a comment", // 3
		hashed("hashed.x") + " " + k,           // 4
		"[port.x]:2222 " + k,                   // 5
		"*.wild.x,!bad.wild.x " + k,            // 6
		"@cert-authority *.ca.x " + k,          // 7
		"@revoked * " + k,                      // 8
		hashed("[hashed.x]:2222") + " " + k,    // 9
		"plain.x ssh-mldsa44-ed25519@openssh.com AAAAI3NzaC1tbGRzYTQ0LWVkMjU1MTlAb3BlbnNzaC5jb20AAAAA", // 10
		"nonsense",              // 11
		"@strange plain.x " + k, // 12
		"|1|bad|hash " + k,      // 13
		"UPPER.x " + k,          // 14
		"a[b].x ssh-ed25519 !!", // 15
		"q?.x\t" + strings.ReplaceAll(k, " ", "\t"), // 16
	}, "\r\n")
	var reports []string
	kh := &knownHosts{exact: map[string][]int{}}
	kh.parse("kh", []byte(file), func(s string) { reports = append(reports, s) })
	wantReports := []string{
		"kh:11: skipped: not a line of known hosts",
		`kh:12: skipped: unknown marker "@strange"`,
		"kh:13: skipped: malformed hash of a host name",
	}
	if d := cmp.Diff(wantReports, reports); d != "" {
		t.Errorf("reports (-want +got):\n%s", d)
	}
	for _, tc := range []struct {
		host               string
		port               int
		keys, loose, other string
	}{
		{"plain.x", 22, "3", "", "u10"},
		{"PLAIN.x", 22, "3", "", "u10"},
		{"10.0.0.1", 22, "3", "", ""},
		{"upper.x", 22, "14", "", ""},
		{"plain.x", 2222, "", "3", "u10"},
		{"hashed.x", 22, "4", "", ""},
		{"hashed.x", 2222, "9", "4", ""},
		{"hashed.x", 2223, "", "4", ""},
		{"port.x", 2222, "5", "", ""},
		{"port.x", 22, "", "", ""},
		{"a.wild.x", 22, "6", "", ""},
		{"a.wild.x", 23, "", "6", ""},
		{"bad.wild.x", 22, "", "", ""},
		{"h.ca.x", 22, "", "", "c7"},
		{"h.ca.x", 2222, "", "", "c7"},
		{"a[b].x", 22, "", "", "u15"},
		{"ab.x", 22, "", "", ""},
		{"q1.x", 22, "16", "", ""},
		{"nobody", 22, "", "", ""},
	} {
		h := kh.lookup(tc.host, tc.port)
		other := ""
		for _, c := range h.cas {
			other += "c" + strings.TrimPrefix(c.at, "kh:")
		}
		for _, u := range h.unknown {
			at, _, _ := strings.Cut(strings.TrimPrefix(u, "kh:"), ":")
			other += "u" + at
		}
		if len(h.revoked) == 0 {
			t.Errorf("%s:%d: the revoked key is not", tc.host, tc.port)
		}
		got := []string{lineNumbers(h.keys), lineNumbers(h.loose), other}
		if d := cmp.Diff([]string{tc.keys, tc.loose, tc.other}, got); d != "" {
			t.Errorf("%s:%d (-want +got):\n%s", tc.host, tc.port, d)
		}
	}
}

func lineNumbers(keys []knownKey) string {
	var out []string
	for _, k := range keys {
		out = append(out, strings.TrimPrefix(k.at, "kh:"))
	}
	return strings.Join(out, ",")
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	a, b, ca := testKey(t), testKey(t), testKey(t)
	cert := func(change func(*ssh.Certificate)) ssh.PublicKey {
		c := &ssh.Certificate{Key: a.PublicKey(), CertType: ssh.HostCert, KeyId: "id", ValidPrincipals: []string{"h.x"}, ValidBefore: ssh.CertTimeInfinity}
		if change != nil {
			change(c)
		}
		if err := c.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tc := range []struct {
		name, file string
		port       int
		key        ssh.PublicKey
		want       string // part of the error; "" is accepted
	}{
		{"known", "h.x " + keyText(a), 22, a.PublicKey(), ""},
		{"one of several", "h.x " + keyText(b) + "\nh.x " + keyText(a), 22, a.PublicKey(), ""},
		{"unknown", "", 22, a.PublicKey(), "is not known; nothing was sent"},
		{"changed", "h.x " + keyText(b), 22, a.PublicKey(), "has changed: it shows " + fingerprint(a.PublicKey()) + ", but kh:1 says " + fingerprint(b.PublicKey())},
		{"known for the port", "[h.x]:99 " + keyText(a) + "\nh.x " + keyText(b), 99, a.PublicKey(), ""},
		{"known for the host at port 22", "h.x " + keyText(a), 99, a.PublicKey(), ""},
		{"another at port 22 is no change", "h.x " + keyText(b), 99, a.PublicKey(), "is not known"},
		{"hashed", hashed("h.x") + " " + keyText(a), 22, a.PublicKey(), ""},
		{"hashed beside a plain line", "h.x " + keyText(b) + "\n" + hashed("h.x") + " " + keyText(a), 22, a.PublicKey(), ""},
		{"hashed beside a pattern", "*.x " + keyText(b) + "\n" + hashed("h.x") + " " + keyText(a), 22, a.PublicKey(), ""},
		{"hashed for another", "h.x " + keyText(b) + "\n" + hashed("g.x") + " " + keyText(a), 22, a.PublicKey(), "has changed"},
		{"hashed and revoked", "h.x " + keyText(a) + "\n@revoked " + hashed("h.x") + " " + keyText(a), 22, a.PublicKey(), "is revoked (kh:2)"},
		{"revoked for others", "h.x " + keyText(a) + "\n@revoked g.x " + keyText(a), 22, a.PublicKey(), ""},
		{"authority but not for this one", "@cert-authority *.x,!h.x " + keyText(ca), 22, cert(nil), "no authority for h.x"},
		{"one of two authorities is revoked", "@cert-authority * " + keyText(ca) + "\n@cert-authority * " + keyText(b) + "\n@revoked * " + keyText(b), 22, cert(nil), ""},
		{"revoked", "h.x " + keyText(a) + "\n@revoked h.x " + keyText(a), 22, a.PublicKey(), "is revoked (kh:2)"},
		{"certificate", "@cert-authority *.x " + keyText(ca), 22, cert(nil), ""},
		{"certificate at a port", "@cert-authority *.x " + keyText(ca), 99, cert(nil), ""},
		{"certificate of nobody", "@cert-authority *.y " + keyText(ca), 22, cert(nil), "no authority for h.x"},
		{"certificate and its plain key known", "h.x " + keyText(a), 22, cert(nil), "no authority"},
		{"authority's own key", "@cert-authority *.x " + keyText(ca), 22, ca.PublicKey(), "is not known"},
		{"revoked authority", "@cert-authority *.x " + keyText(ca) + "\n@revoked * " + keyText(ca), 22, cert(nil), "authority that signed its host key is revoked"},
		{"revoked key in a certificate", "@cert-authority *.x " + keyText(ca) + "\n@revoked * " + keyText(a), 22, cert(nil), "is revoked"},
		{"another's certificate", "@cert-authority *.x " + keyText(ca), 22, cert(func(c *ssh.Certificate) { c.ValidPrincipals = []string{"g.x"} }), "not valid"},
		{"old certificate", "@cert-authority *.x " + keyText(ca), 22, cert(func(c *ssh.Certificate) { c.ValidBefore = 1 }), "expired"},
		{"user's certificate", "@cert-authority *.x " + keyText(ca), 22, cert(func(c *ssh.Certificate) { c.CertType = ssh.UserCert }), "not for hosts"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			kh := &knownHosts{exact: map[string][]int{}}
			kh.parse("kh", []byte(tc.file), func(s string) { t.Error(s) })
			v := &verifier{hostKeys: kh.lookup("h.x", tc.port), file: "/home/me/known_hosts", log: t.Logf}
			err := v.check(tc.key)
			if tc.want == "" && (err != nil || v.accepted == nil) {
				t.Fatalf("refused: %v", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || v.accepted != nil) {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestUnknownKeySaysWhatToAdd(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	v := &verifier{hostKeys: hostKeys{name: "[h.x]:99", host: "h.x"}, file: "/home/me/known_hosts"}
	err := v.check(k.PublicKey())
	hk, ok := err.(*hostKeyError)
	want := "add to /home/me/known_hosts: [h.x]:99 " + keyText(k)
	if !ok || !strings.HasSuffix(hk.help, want) || !strings.Contains(hk.text, fingerprint(k.PublicKey())) {
		t.Errorf("error %v, help %q", err, hk.help)
	}
}

func TestHostKeyAlgorithms(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	with := func(h hostKeys) []string { return (&verifier{hostKeys: h}).algorithms() }
	known := with(hostKeys{keys: []knownKey{{key: k.PublicKey()}}})
	if known[0] != ssh.KeyAlgoED25519 {
		t.Errorf("with an ed25519 key known: %v", known)
	}
	for _, a := range known {
		if strings.Contains(a, "cert") || a == ssh.KeyAlgoRSA || a == "ssh-dss" {
			t.Errorf("offers %s", a)
		}
	}
	if ca := with(hostKeys{cas: []knownKey{{key: k.PublicKey()}}}); !strings.Contains(ca[0], "cert") {
		t.Errorf("with an authority: %v", ca)
	}
}

func TestAcceptNewAddsOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new", "known_hosts")
	k, other := testKey(t), testKey(t)
	check := func(key ssh.Signer) error {
		v := &verifier{hostKeys: hostKeys{name: "h.x", host: "h.x"}, file: file, acceptNew: true, log: t.Logf}
		return v.check(key.PublicKey())
	}
	errs := make(chan error)
	for range 10 {
		go func() { errs <- check(k) }()
	}
	for range 10 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := check(other); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("another key for a host that was just added: %v", err)
	}
	b, err := os.ReadFile(file)
	if want := "h.x " + keyText(k) + "\n"; err != nil || string(b) != want {
		t.Errorf("file %q, %v; want %q", b, err, want)
	}
	// A last line without its newline is left whole.
	if err := os.WriteFile(file, []byte("# end"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(k); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "# end\nh.x "+keyText(k)+"\n" {
		t.Errorf("file %q", b)
	}
}

func FuzzKnownHosts(f *testing.F) {
	k := keyText(testKey(f))
	f.Add("h.x "+k+"\n@revoked * "+k, "h.x")
	f.Add(hashed("h.x")+" "+k, "h.x")
	f.Add("[h]:1,*?! "+k+"\n|1||", "h")
	f.Fuzz(func(t *testing.T, file, host string) {
		kh := &knownHosts{exact: map[string][]int{}}
		kh.parse("kh", []byte(file), func(string) {})
		kh.lookup(host, 22)
		kh.lookup(host, 2222)
	})
}

// BenchmarkKnownHosts is a file of 100,000 lines, as large companies have
// them: what reading it costs, once a run, and a look-up, once a host.
func BenchmarkKnownHosts(b *testing.B) {
	k := keyText(testKey(b))
	for _, kind := range []struct {
		name string
		line func(string) string
	}{
		{"plain", func(h string) string { return h }},
		{"hashed", hashed},
	} {
		var file strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&file, "%s %s\n", kind.line(fmt.Sprintf("h%d.example.org", i)), k)
		}
		text := []byte("plain.example.org " + k + "\n" + file.String())
		read := func() *knownHosts {
			kh := &knownHosts{exact: map[string][]int{}}
			kh.parse("kh", text, func(s string) { b.Error(s) })
			return kh
		}
		b.Run(kind.name+"/read", func(b *testing.B) {
			for b.Loop() {
				read()
			}
		})
		kh := read()
		for _, host := range []string{"h99999.example.org", "plain.example.org"} {
			b.Run(kind.name+"/"+host, func(b *testing.B) {
				for b.Loop() {
					if h := kh.lookup(host, 22); len(h.keys) != 1 {
						b.Fatal(h)
					}
				}
			})
		}
	}
}
