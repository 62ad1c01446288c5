package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"shipit/exec/event"
)

// The names of fields in hashes and streams.
const (
	fieldHeader = "header"
	fieldPlan   = "plan"
	fieldEvent  = "event"
	fieldIntent = "intent"
)

// page is how many entries of a stream, or runs of a list, are read in one call.
const page = 500

// List is the runs that machines have sent here, newest first.
func (r *Redis) List(ctx context.Context) ([]Summary, error) {
	call, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	ids, err := r.client.ZRangeArgs(call, redis.ZRangeArgs{Key: r.runs(), Start: 0, Stop: -1, Rev: true}).Result()
	if err != nil {
		return nil, r.cannot("list the runs", err)
	}
	var list []Summary
	for some := range slices.Chunk(ids, page) {
		more, err := r.summaries(ctx, some)
		if err != nil {
			return nil, r.cannot("list the runs", err)
		}
		list = append(list, more...)
	}
	newestFirst(list)
	return list, nil
}

func (r *Redis) summaries(ctx context.Context, ids []string) ([]Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	pipe := r.client.Pipeline()
	headers, lasts, alive := map[string]*redis.StringCmd{}, map[string]*redis.XMessageSliceCmd{}, map[string]*redis.IntCmd{}
	for _, id := range ids {
		alive[id] = pipe.Exists(ctx, r.alive(id)) // before reading: of a run that ends meanwhile, its end is read
		headers[id] = pipe.HGet(ctx, r.run(id), fieldHeader)
		lasts[id] = pipe.XRevRangeN(ctx, r.events(id), "+", "-", 1)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var list []Summary
	for _, id := range ids {
		s := Summary{Run: id, Active: alive[id].Val() > 0}
		if err := s.read(headers[id].Val(), lasts[id].Val()); err != nil {
			s.Problem = fmt.Sprintf("what the Redis holds of it is damaged: %v", err)
		}
		list = append(list, s)
	}
	return list, nil
}

func (s *Summary) read(header string, last []redis.XMessage) error {
	body, err := unseal([]byte(header))
	if err != nil {
		return fmt.Errorf("its header: %w", err)
	}
	if err := json.Unmarshal(body, &s.Header); err != nil {
		return err
	}
	s.Last = s.Header.Time
	if len(last) == 0 {
		return nil
	}
	body, err = unseal([]byte(text(last[0], fieldEvent)))
	if err != nil {
		return fmt.Errorf("its last event: %w", err)
	}
	e, err := event.Decode(body)
	if err != nil {
		return err
	}
	s.Events, s.Last = int(e.Seq), e.Time
	if e.Type == event.RunFinished {
		s.Outcome = e.Outcome
	}
	return nil
}

// text is a field of an entry.
func text(m redis.XMessage, field string) string {
	s, _ := m.Values[field].(string)
	return s
}

// Find is a run's whole id.
func (r *Redis) Find(ctx context.Context, run string) (string, error) {
	if err := checkRunID(run); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	ids, err := r.client.ZRange(ctx, r.runs(), 0, -1).Result()
	if err != nil {
		return "", r.cannot("find the run", err)
	}
	var found []string
	for _, id := range ids {
		if id == run {
			return id, nil
		}
		if strings.HasPrefix(id, run) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", &NoRunError{run, r.name}
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("cannot tell which run %s is: %s and %s begin so", run, found[0], found[1])
}

// Load reads the whole record.
func (r *Redis) Load(ctx context.Context, run string) (*Record, error) {
	data, err := r.journal(ctx, run)
	if err != nil {
		return nil, err
	}
	return parse(r.name+" of run "+run, bytes.NewReader(data))
}

// journal is the run's journal as its file has it, not checked.
func (r *Redis) journal(ctx context.Context, run string) ([]byte, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	call, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	header, err := r.client.HGet(call, r.run(run), fieldHeader).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, &NoRunError{run, r.name}
	case err != nil:
		return nil, r.cannot("read the run", err)
	}
	data := []byte(header + "\n")
	err = r.lines(ctx, run, 0, func(line string) bool {
		data = append(append(data, line...), '\n')
		return true
	})
	return data, err
}

// lines reads the lines of events after the one with that number, until take
// wants no more.
func (r *Redis) lines(ctx context.Context, run string, after int64, take func(string) bool) error {
	from := "(" + seqID(after)
	for {
		some, err := r.page(ctx, r.events(run), from)
		if err != nil {
			return r.cannot("read the run", err)
		}
		for _, m := range some {
			if !take(text(m, fieldEvent)) {
				return nil
			}
		}
		if len(some) < page {
			return nil
		}
		from = "(" + some[len(some)-1].ID
	}
}

func (r *Redis) page(ctx context.Context, key, from string) ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return r.client.XRangeN(ctx, key, from, "+", page).Result()
}

func seqID(seq int64) string { return strconv.FormatInt(max(seq, 0), 10) + "-0" }

// Plan is the run's plan.
func (r *Redis) Plan(ctx context.Context, run string) ([]byte, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	plan, err := r.client.HGet(ctx, r.run(run), fieldPlan).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, &NoRunError{run, r.name}
	}
	return plan, r.cannot("read the plan of the run", err)
}

// Events are what comes after the event with that number.
func (r *Redis) Events(ctx context.Context, run string, after int64) ([]event.Event, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	var events []event.Event
	var bad error
	err := r.lines(ctx, run, after, func(line string) bool {
		body, err := unseal([]byte(line))
		var e event.Event
		if err == nil {
			e, err = event.Decode(body)
		}
		if want := max(after, 0) + int64(len(events)) + 1; err == nil && e.Seq != want {
			err = fmt.Errorf("it holds event %d where event %d belongs", e.Seq, want)
		}
		if bad = err; err == nil {
			events = append(events, e)
		}
		return bad == nil && len(events) < mostAtOnce
	})
	if err == nil {
		err = r.cannot("read the run", bad)
	}
	return events, err
}

// Alive tells whether anybody said so within the last seconds.
func (r *Redis) Alive(ctx context.Context, run string) (bool, error) {
	who, err := r.Driver(ctx, run)
	return who != "", err
}

// Driver is who said within the last seconds that he drives the run, "" where
// nobody did.
func (r *Redis) Driver(ctx context.Context, run string) (string, error) {
	if err := checkRunID(run); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	who, err := r.client.Get(ctx, r.alive(run)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return who, r.cannot("ask who drives the run", err)
}
