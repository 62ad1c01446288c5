package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"shipit/exec/remote"
)

// A Relay is a host that serves what it was sent to hosts near it: they log
// in there with a key that lives as long as the staging of their group, and
// that can do nothing but read that one file. See docs/adr/0009-relay.md.
type Relay struct {
	public, private string
	info            remote.Info // how the deployer reached the host, and the key that it showed
}

// RelayFailed is the exit status of a stage step that got nothing from its
// relay: nothing was changed, and a delivery without one will do.
const RelayFailed = 67

// relayFor bounds how long a relay's key is good for, should nobody come to
// take it back.
const relayFor = 30 * time.Minute

// NewRelay makes a relay of a host, with a key of its own. It fails where
// nobody can say how the others are to know the host.
func NewRelay(i remote.Info) (*Relay, error) {
	if i.PublicKey == "" {
		return nil, errors.New("its host key is not known here, because the program ssh looks after it")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	return &Relay{
		public: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), private: string(pem.EncodeToMemory(block)),
		info: i,
	}, nil
}

// ShownRelay is a relay with words where only a run knows what stands there.
func ShownRelay() *Relay {
	return &Relay{public: "KEY", info: remote.Info{User: "USER", Address: "RELAY:22", PublicKey: "HOSTKEY"}}
}

//go:embed relay.sh
var relaySource string

var relayScript = remote.Code(relaySource)

// serve is the shell that keeps what is sent and, behind settle, serves it.
// That it cannot is no reason to fail: the others are sent theirs.
func (r *Relay) serve() (before, after string) {
	return relayScript + "keep\n", fmt.Sprintf("if why=$(serve %s %d); then fact relay serving; else rm -rf -- \"$kept\"; fact relay \"${why:-it cannot}\"; fi\n",
		remote.Quote(r.public), int(relayFor/time.Second))
}

// fetch is the shell that gets the parcel from the relay, and the data that
// it takes for that.
func (r *Relay) fetch(sha256 string) (shell, data string, err error) {
	host, port, err := net.SplitHostPort(r.info.Address)
	if err != nil {
		return "", "", err
	}
	return relayScript + fmt.Sprintf("relayed %s %s %s %s\n", remote.Quote(r.info.User), remote.Quote(host), remote.Quote(port), sha256),
		"shipit-relay " + r.info.PublicKey + "\n" + r.private, nil
}

// StopRelay is the step that takes the key of a run back on its relay.
func StopRelay(run, dir string) remote.Step {
	d := Delivery{Run: run, Path: dir}
	return remote.Step{ID: "relay", Op: "relay", Args: stageArgs(d), Shell: open(d) + relayScript + "unserve\n"}
}

// digest is the SHA-256 of the parcel.
func (p *parcel) digest() (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, p.reader()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
