// Package check knows the kinds of questions about a host or its service.
//
// From the host, a kind says the shell of one attempt, and Shell wraps it
// into a poll that runs on the host, inside the exec that changes it: no
// round trip per attempt. From the deployer, a kind is a function of one
// attempt, and Poll asks it. There are three answers: yes, no, and unknown for
// a check that cannot be asked (no program, no name, no data). Unknown is
// never yes, and is told apart from no.
//
// None of them can tell a new process from an old one that is still there,
// but http with contains = release.tag can, and so can a restart that
// compares processes.
package check

import (
	"context"
	"fmt"
	"time"

	"shipit/lang"
)

// A Script is a check as the host runs it.
type Script struct {
	Shell    func() string // for remote.Step: uses run and die of its prelude. Who only asks what a check needs does without
	User     [][]string    // commands that Shell runs as the service's user
	Programs []string      // that the host must have; "a|b" where either will do
	Before   string        // shell that runs before the restart that the check is about, in the same script

	setup func() string // of an attempt: what stands before it, once; may be nil
}

// A Place is where a check may keep on the host what it saw.
type Place struct {
	Dir string // absolute, or relative to the login's home
	Run string // id of the run: what another one kept is nothing worth
}

// An Attempt asks once. Its error says what was seen and what was wanted.
type Attempt func(ctx context.Context) error

// A Where says on whose behalf the deployer asks.
type Where struct {
	Host    string   // the host's address
	Env     []string // for commands: SHIPIT_… variables
	Timeout time.Duration
	// Twins says what the attribute instance is on the hosts that the run
	// has not touched when it is called. May be nil.
	Twins func() []string
}

// A kind is a row of the table. The shell of try is the body of a function
// that returns 0, or prints why it did not pass and returns saysNo,
// saysUnknown or saysNever; it is bounded by timeout(1) or the program's own
// limit.
type kind struct {
	host     func(c lang.Check, p Place) (try Script, err error)
	deployer func(c lang.Check, w Where) (Attempt, error)
}

// kinds is the table: a new kind is one file and one line here.
var kinds = map[string]kind{
	"http":       {httpHost, httpDeployer},
	"tcp":        {tcpHost, tcpDeployer},
	"systemd":    {systemdHost, nil},
	"command":    {commandHost, commandDeployer},
	"log":        {logHost, nil},
	"prometheus": {nil, prometheusDeployer},
}

// Host makes the script that polls c on the host.
func Host(c lang.Check, p Place) (Script, error) {
	k, ok := kinds[c.Kind]
	if !ok {
		return Script{}, fmt.Errorf("there is no check %q", c.Kind)
	}
	if k.host == nil {
		return Script{}, fmt.Errorf("check %q can only be asked from the deployer", c.Kind)
	}
	c = withDefaults(c)
	s, err := k.host(c, p)
	if err != nil {
		return Script{}, err
	}
	try := s
	s.Shell = func() string { return poll(c, try) }
	return s, nil
}

// Deployer makes the question that the deployer asks; Poll repeats it.
func Deployer(c lang.Check, w Where) (Attempt, error) {
	k, ok := kinds[c.Kind]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no check %q", c.Kind)
	case k.deployer == nil:
		return nil, fmt.Errorf("check %q can only be asked from the host", c.Kind)
	}
	c = withDefaults(c)
	w.Timeout = c.Timeout.Std()
	return k.deployer(c, w)
}

// withDefaults fills in what only a definition made by hand leaves out.
func withDefaults(c lang.Check) lang.Check {
	if c.Within == 0 {
		c.Within = lang.Duration(30 * time.Second)
	}
	if c.Every == 0 {
		c.Every = lang.Duration(time.Second)
	}
	if c.Timeout == 0 {
		c.Timeout = lang.Duration(5 * time.Second)
	}
	if c.Successes == 0 {
		c.Successes = 1
	}
	c.Timeout = min(c.Timeout, c.Within)
	return c
}

// seconds is d for timeout(1): whole, so that every timeout reads it.
func seconds(d lang.Duration) int { return int((d.Std() + time.Second - 1) / time.Second) }
