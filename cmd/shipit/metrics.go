package main

import (
	"context"
	"net/http"

	"shipit/exec/journal"
	"shipit/exec/metrics"
	"shipit/exec/notify"
)

// measured are the recorded runs as metrics are made of them.
type measured struct{ *webRuns }

func (m measured) List(ctx context.Context) ([]journal.Summary, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.places.list(ctx)
}

func (m measured) Load(ctx context.Context, run string) (*journal.Record, error) {
	_, store, err := m.Find(ctx, run)
	if err != nil {
		return nil, err
	}
	return store.Load(ctx, run)
}

// metrics answers a Prometheus.
func (r *webRuns) metrics() http.Handler {
	return metrics.Handler(measured{r}, func(run string) (int, bool) {
		left, err := notify.ReadSpool(spoolOf(r.places.dir, run))
		if err != nil {
			return 0, false // most runs have none
		}
		return left.Lost, left.Waiting
	}, version)
}
