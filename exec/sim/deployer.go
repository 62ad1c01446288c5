package sim

import (
	"context"
	"errors"

	"shipit/exec/remote"
)

// Deployer is the host that stands for the machine of the run: where hooks
// are done that are about no host. It is not among Names.
func (f *Fleet) Deployer() *Host { return f.deployer }

// Do acts a step out that runs on the deployer, for a host or, with "", for
// none. Command is the name of the phase.
func (f *Fleet) Do(ctx context.Context, host, command string, step remote.Step) error {
	h := f.deployer
	if host != "" {
		h = f.Host(host)
	}
	s := &session{conn: &conn{host: h, lost: make(chan struct{})}, cmd: remote.Command{Name: command}}
	err := s.step(ctx, step)
	var no *remote.StepError
	if errors.As(err, &no) {
		if n := len(no.Output); n > 0 {
			return errors.New(no.Output[n-1])
		}
		return errors.New("it said no")
	}
	return err
}
