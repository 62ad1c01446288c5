//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
)

func fig(who, what string, run int, wall float64) figure {
	return figure{Contestant: who, Case: what, Hosts: 4, Run: run, Wall: wall, CPU: 0.01, Conns: 4, Sent: 4 * 15000, RSS: 30 << 20}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}} {
		if got := median(c.of); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.of, got, c.want)
		}
	}
}

// TestRatiosArePairedByRun: a run that one of both failed pairs with nothing.
func TestRatiosArePairedByRun(t *testing.T) {
	t.Parallel()
	failed := fig("floor-go", noop, 1, 0.1)
	failed.Error = "no"
	all := tabulate([]figure{
		fig("shipit", noop, 0, 2), fig("shipit", noop, 1, 9), fig("shipit", noop, 2, 3),
		fig("floor-go", noop, 2, 2), failed, fig("floor-go", noop, 0, 1),
	})
	got := all.paired(cell{noop, "shipit", 4, 0}, cell{noop, "floor-go", 4, 0})
	if want := []float64{2, 1.5}; !slices.Equal(got, want) {
		t.Errorf("the ratios are %v, want %v", got, want)
	}
}

func TestGoalsAreJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shipit float64
		met    bool
		says   string
	}{{1.1, true, "met"}, {2.4, false, "missed** by 100 %"}} {
		goals := tabulate([]figure{fig("shipit", noop, 0, c.shipit), fig("floor-go", noop, 0, 1)}).goals(4, 0)
		i := slices.IndexFunc(goals, func(g goal) bool { return g.What == "noop: wall ÷ floor-go" })
		if i < 0 {
			t.Fatalf("nobody compares with the floor: %+v", goals)
		}
		if g := goals[i]; g.met() != c.met || !strings.Contains(g.verdict(), c.says) {
			t.Errorf("%v times the floor is %q", c.shipit, g.verdict())
		}
	}
}

// TestAGoalFromBelow: faster than a peer.
func TestAGoalFromBelow(t *testing.T) {
	t.Parallel()
	g := goal{Got: 5, Bound: 20, Least: true}
	if g.met() || g.verdict() != "**missed** by 75 %" {
		t.Errorf("5 times faster instead of 20 is %q", g.verdict())
	}
}

// TestTheGuardTakesTheLeastOfSeveralRuns: one slow run is noise, and all slow
// runs are a regression.
func TestTheGuardTakesTheLeastOfSeveralRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		walls []float64
		ok    bool
	}{"one slow run": {[]float64{9, 1.2}, true}, "all are slow": {[]float64{9, 3.5}, false}} {
		var all []figure
		for run, w := range c.walls {
			all = append(all, fig("shipit", noop, run, w), fig("floor-go", noop, run, 1))
		}
		if err := judge(all, []int{4}); (err == nil) != c.ok {
			t.Errorf("%s: the guard says %v", name, err)
		}
	}
}

// TestTheGuardCounts: connections are exact, whatever the noise.
func TestTheGuardCounts(t *testing.T) {
	t.Parallel()
	f := fig("shipit", noop, 0, 1)
	f.Conns = 5
	if judge([]figure{f}, []int{4}) == nil {
		t.Error("a fifth connection to four hosts is no matter for the guard")
	}
}

// TestTheGuardSeesAFailure: who did not do the work was not fast.
func TestTheGuardSeesAFailure(t *testing.T) {
	t.Parallel()
	f := fig("shipit", full, 0, 1)
	f.Error = "h001 serves r0"
	if err := judge([]figure{f}, []int{4}); err == nil || !strings.Contains(err.Error(), f.Error) {
		t.Errorf("the guard says %v", err)
	}
}

func TestBatchesAreOneAndThenQuarters(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{1: {1}, 4: {1, 1, 1, 1}, 10: {1, 3, 3, 3}, 11: {1, 3, 3, 3, 1}, 100: {1, 25, 25, 25, 24}} {
		if got := batches(n); !slices.Equal(got, want) {
			t.Errorf("%d hosts go in %v, want %v", n, got, want)
		}
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	dev := "Inter-|   Receive |  Transmit\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 5 6 0 0 0 0 0 0 700 8 0 0 0 0 0 0\n"
	snmp := "Tcp: RtoAlgorithm ActiveOpens PassiveOpens\nTcp: 1 30 4\nUdp: InDatagrams\nUdp: 9\n"
	if c, err := parseCounters(dev, snmp); err != nil || c != (counters{sent: 700, packets: 8, conns: 34}) {
		t.Errorf("read as %+v, %v", c, err)
	}
	if _, err := parseCounters("lo: 1", snmp); err == nil {
		t.Error("an interface that is not there is counted")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-hosts", "0"}, {"-hosts", "251"}, {"-rtt", "20"}, {"-rtt", "-1s"}, {"-cases", "ful"}, {"-contestants", "chef"}, {"-runs", "0"}, {"-hosts", ""}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q are taken", args)
		}
	}
	o, err := parse([]string{"-hosts", "4 10", "-rtt", "0 20ms"})
	if err != nil || len(o.hosts) != 2 || len(o.rtts) != 2 || o.rtts[0] != 0 {
		t.Errorf("read as %+v, %v", o, err)
	}
}
