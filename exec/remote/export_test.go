package remote

// NewLocalShell is NewLocal with another shell in the place of /bin/sh.
func NewLocalShell(home, sh string) Dialer { return localDialer{home: home, sh: sh} }
