package exec

import (
	"testing"
	"testing/synctest"
	"time"

	"shipit/exec/event"
	"shipit/exec/sim"
	"shipit/lang"
)

// A straggler holds nobody of its slice, and no more hosts than the window
// allows are out of service at any instant.
func TestAStragglerDoesNotHoldTheOthersOfItsSlice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 8)
		s.def.Service.Batches = []lang.Batch{{Name: "fleet", Hosts: s.fleet.Names(), Parallel: lang.Size{N: 2}}}
		s.fleet.Host("web1").Takes["restart"] = 40 * time.Second
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.Done, "nnnnnnnn")
		if most := s.fleet.MostOut(); most != 2 {
			t.Errorf("%d hosts were out of service at once, the window is 2", most)
		}
		var back []string
		for _, m := range s.fleet.Timeline() {
			if m.What == sim.In {
				back = append(back, m.Host)
			}
		}
		if len(back) != 8 || back[7] != "web1" {
			t.Errorf("hosts came back in the order %v: the straggler is not the last", back)
		}
	})
}

// Invariant 1, in a rollback too.
func TestTheWindowHoldsInARollback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 6)
		s.def.Service.Batches = []lang.Batch{{Name: "fleet", Hosts: s.fleet.Names(), Parallel: lang.Size{N: 2}}}
		s.fleet.Host("web6").Broken[newRelease.ID] = true
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "oooooo")
		if most := s.fleet.MostOut(); most != 2 {
			t.Errorf("%d hosts were out of service at once, the window is 2", most)
		}
		if n := s.fleet.Count("", "undrain"); n != 5+6 {
			t.Errorf("%d hosts came back into service", n)
		}
	})
}

// The release is at fault, not a host: a budget is not spent on learning that
// again and again.
func TestTheSameFailureOnTheFirstHostsStopsARunThatMayLoseMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDrill(t, 8)
		s.def.Service.Batches = []lang.Batch{{Name: "fleet", Size: lang.Size{N: 1}, MaxUnhealthy: lang.Size{N: 100, Percent: true}}}
		for _, name := range s.fleet.Names() {
			s.fleet.Host(name).Broken[newRelease.ID] = true
		}
		res, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		s.want(res, event.RolledBack, "oooooooo")
		if n := s.fleet.Count("", "restart"); n != 3+3 {
			t.Errorf("%d restarts", n)
		}
		if e := s.log.of(event.Halted); len(e) != 1 || e[0].Text != "the first 3 failures are the same, at check.tcp.port: status 500, wanted 200" {
			t.Errorf("it says %+v", e)
		}
	})
}
