// Package metrics tells a Prometheus of the recorded runs. It reads what is
// recorded when it is asked and keeps no count of its own, so it says the
// same after a restart, and whichever process drove the runs.
package metrics

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"shipit/exec/journal"
)

// A Source is where runs are recorded. It is used by one goroutine at a time.
type Source interface {
	List(ctx context.Context) ([]journal.Summary, error)
	Load(ctx context.Context, run string) (*journal.Record, error)
}

// Lost is what is known of the notices of a run: how many got lost, and
// whether some must still arrive.
type Lost func(run string) (lost int, waiting bool)

// readLimit bounds one reading of what is recorded.
const readLimit = 10 * time.Second

// Handler answers with the metrics of the runs of a source.
func Handler(from Source, lost Lost, version string) http.Handler {
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(&collector{from: from, lost: lost, version: version, told: map[string]told{}})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 2 * readLimit})
}

// collector reads the runs when it is asked.
type collector struct {
	from    Source
	lost    Lost
	version string

	mu   sync.Mutex
	told map[string]told // by service and environment, of its last run
}

// told is what the events of a run say, which a list does not.
type told struct {
	run    string
	events int
	waited time.Duration // for its locks
	failed int           // hosts
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("shipit_"+name, help, labels, nil)
}

var (
	about    = []string{"service", "environment"}
	upDesc   = desc("up", "Whether the recorded runs could be read.")
	build    = desc("build_info", "The program that answers.", "version")
	odd      = desc("journals_unreadable", "Journals that cannot be read.")
	runs     = desc("runs", "Recorded runs by how they ended.", "service", "environment", "kind", "outcome")
	active   = desc("runs_active", "Runs that are going on.", about...)
	waiting  = desc("runs_waiting", "Runs that are going on and have not begun: they read hosts, or wait for locks.", about...)
	started  = desc("last_run_start_timestamp_seconds", "When the last run that ended began.", about...)
	ended    = desc("last_run_end_timestamp_seconds", "When the last run that ended did.", about...)
	duration = desc("last_run_duration_seconds", "How long the last run that ended took, with its waiting for locks.", about...)
	waited   = desc("last_run_lock_wait_seconds", "How long the last run that ended took until it held its locks.", about...)
	failed   = desc("last_run_hosts_failed", "Hosts that failed in the last run that ended, also those that went back well.", about...)
	outcome  = desc("last_run_outcome", "1 for how the last run ended, 0 for how it did not.", "service", "environment", "outcome")
	good     = desc("last_done_timestamp_seconds", "When a run was last done.", about...)
	noticed  = desc("notices_lost", "Notices that could not be sent or were dropped, of the recorded runs.", about...)
	owed     = desc("runs_with_notices_waiting", "Runs of which a receiver must still hear.", about...)
)

// Describe names all metrics.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upDesc, build, odd, runs, active, waiting, started, ended, duration, waited, failed, outcome, good, noticed, owed} {
		to <- d
	}
}

// Collect reads the runs.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	say := func(d *prometheus.Desc, v float64, labels ...string) {
		for i, l := range labels {
			labels[i] = strings.ToValidUTF8(l, "?")
		}
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	say(build, 1, c.version)
	list, err := c.from.List(ctx)
	if err != nil {
		say(upDesc, 0)
		return
	}
	say(upDesc, 1)
	t := c.tally(list)
	say(odd, float64(t.unreadable))
	for k, n := range t.ended {
		say(runs, float64(n), k.service, k.env, k.kind, k.outcome)
	}
	for k, s := range t.services {
		say(active, float64(s.active), k.service, k.env)
		say(waiting, float64(s.waiting), k.service, k.env)
		say(noticed, float64(s.lost), k.service, k.env)
		say(owed, float64(s.owed), k.service, k.env)
		if !s.good.IsZero() {
			say(good, seconds(s.good), k.service, k.env)
		}
		if s.last == nil {
			continue
		}
		say(started, seconds(s.last.Header.Time), k.service, k.env)
		say(ended, seconds(s.last.Last), k.service, k.env)
		say(duration, s.last.Last.Sub(s.last.Header.Time).Seconds(), k.service, k.env)
		for _, o := range outcomes {
			is := 0.0
			if s.last.Outcome == o {
				is = 1
			}
			say(outcome, is, k.service, k.env, string(o))
		}
		if d, ok := c.read(ctx, k, s.last); ok {
			say(waited, d.waited.Seconds(), k.service, k.env)
			say(failed, float64(d.failed), k.service, k.env)
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
