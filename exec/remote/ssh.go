package remote

import (
	"context"
	"errors"
	osexec "os/exec"
	"os/user"
	"sync"
	"time"
)

// SSHOptions are the choices of a Dialer that speaks SSH.
type SSHOptions struct {
	Version   string        // of shipit, for the protocol's version string
	Timeout   time.Duration // of connecting, key exchange and login together; 0 is 15 s
	KeepAlive time.Duration // between signs of life; 0 is 15 s; three missed ones end a connection
	AgentSock string        // the agent's socket, as SSH_AUTH_SOCK says
	Home      string        // where .ssh is
	// ConfigFile replaces the user's and the system's configuration.
	ConfigFile string
	// UseSSHG allows to ask the ssh program (ssh -G) about configuration
	// that we do not understand exactly. It may run commands of the user's
	// own "Match exec".
	UseSSHG bool
	// AcceptNew adds the key of a host that was never seen before to
	// known_hosts instead of refusing it. A key that changed is refused all
	// the same.
	AcceptNew bool
	Log       func(format string, args ...any) // details; may be nil
	Warn      func(string)                     // what the user should know, each once; may be nil
}

// SSH dials hosts by SSH. It shares between them what they share: bastions,
// the agent's connection, parsed configuration and known_hosts files.
type SSH struct {
	o      SSHOptions
	user   string // of this machine
	config *sshConfig
	keys   *keyring
	pace   pace
	packer packer
	warned sync.Map

	mu       sync.Mutex
	known    map[string]*knownHosts
	bastions map[string]*bastion
	closed   bool
}

// NewSSH returns a Dialer that speaks SSH.
func NewSSH(o SSHOptions) *SSH {
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	s := &SSH{o: o, known: map[string]*knownHosts{}, bastions: map[string]*bastion{}}
	home := ""
	if u, err := user.Current(); err == nil {
		s.user, home = u.Username, u.HomeDir
	}
	s.config = &sshConfig{
		home: o.Home, localUser: s.user, file: o.ConfigFile, system: "/etc/ssh/ssh_config",
		foreign: o.Home != home, warn: s.warn, known: map[string]*answer{},
	}
	if o.UseSSHG {
		s.config.program, _ = osexec.LookPath("ssh")
	}
	s.keys = &keyring{
		home: o.Home, sock: o.AgentSock, warn: s.warn, now: time.Now,
		agents: map[string]*keyAgent{}, files: map[string]*keyFile{},
	}
	return s
}

// Close closes what the connections share. Connections through a bastion
// end with it.
func (s *SSH) Close() error {
	s.mu.Lock()
	s.closed = true
	var all []*bastion
	for _, b := range s.bastions {
		all = append(all, b)
	}
	s.mu.Unlock()
	for _, b := range all {
		b.cancel()
		<-b.ready
		if b.conn != nil {
			b.conn.Close()
		}
	}
	s.keys.close()
	return nil
}

// Limit is how long a dial takes at most: the deadline of the host and of two
// hops before it, and the question which of them hangs.
func (s *SSH) Limit() time.Duration { return 3 * (s.o.Timeout + answerTime) }

// warn says something to the user once.
func (s *SSH) warn(text string) {
	if _, said := s.warned.LoadOrStore(text, true); !said && s.o.Warn != nil {
		s.o.Warn(text)
	}
}

// Dial connects and logs in.
func (s *SSH) Dial(ctx context.Context, t Target) (Conn, error) {
	c, err := s.dial(ctx, t, nil)
	if err != nil {
		return nil, err // not a nil *sshConn in an interface
	}
	return c, nil
}

// dial is Dial; via are the bastions that are being dialled for it, to find
// a configuration that goes round in circles.
func (s *SSH) dial(ctx context.Context, t Target, via []string) (*sshConn, error) {
	if t.Name == "" {
		t.Name = t.Address
	}
	r, err := s.route(ctx, t)
	if err != nil {
		help := ""
		var ce *configError
		if errors.As(err, &ce) {
			help = ce.help
		}
		return nil, dialError(t.Name, Config, err, help)
	}
	return s.connect(ctx, r, via)
}
