package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A sender brings a Redis up to what the journal of a run says. Redis is asked
// each time for the last event that it has, and gets what comes after that, all
// or nothing: so nothing is sent twice and nothing is left out, whoever died,
// restarted or forgot in between.
type sender struct {
	*Redis
	run        string
	file       scroll
	registered bool // header, plan and place in the list were sent
}

func (r *Redis) sender(path string) *sender {
	return &sender{Redis: r, run: RunOf(path), file: scroll{path: path}}
}

// The limits of one sending.
const (
	sendLines = 500
	sendBytes = 512 << 10
)

// errElsewhere says that another process wrote events of the run which this
// machine's journal has not, or has otherwise.
var errElsewhere = errors.New("another machine went on with the run")

// send sends all that the journal says by now.
func (s *sender) send(ctx context.Context) error {
	for {
		if err := s.file.scan(); err != nil {
			return fmt.Errorf("cannot read the journal: %w", err)
		}
		done, err := s.some(ctx)
		if errors.Is(err, redis.TxFailedErr) {
			continue // somebody wrote in between: look again
		}
		if err != nil || done {
			return err
		}
	}
}

// some sends as much as fits into one call; done is true when that was all.
func (s *sender) some(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	if len(s.file.at) < 2 {
		return true, nil // not even its header is written
	}
	f, err := os.Open(s.file.path)
	if err != nil {
		return false, fmt.Errorf("cannot read the journal: %w", err)
	}
	defer f.Close()
	err = s.client.Watch(ctx, func(tx *redis.Tx) error {
		last, err := s.last(ctx, tx, f)
		if err != nil {
			return err
		}
		var lines [][]byte
		size := 0
		for n := last + 1; n <= s.file.events() && len(lines) < sendLines && size < sendBytes; n++ {
			line, err := s.file.line(f, n)
			if err != nil {
				return fmt.Errorf("cannot read the journal: %w", err)
			}
			lines, size = append(lines, line), size+len(line)
		}
		done = last+int64(len(lines)) == s.file.events()
		if len(lines) == 0 && s.registered && last > 0 {
			return nil
		}
		cmds, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			if last == 0 || !s.registered {
				if err := s.register(ctx, p, f); err != nil {
					return err
				}
			}
			for i, line := range lines {
				p.XAdd(ctx, &redis.XAddArgs{Stream: s.events(s.run), ID: seqID(last + int64(i) + 1), Values: []any{fieldEvent, line}})
			}
			return nil
		})
		return reason(cmds, err)
	}, s.events(s.run))
	if err == nil {
		s.registered = true
	}
	return done && err == nil, err
}

// last is the number of the last event that Redis has, which must be ours.
func (s *sender) last(ctx context.Context, tx *redis.Tx, f *os.File) (int64, error) {
	entries, err := tx.XRevRangeN(ctx, s.events(s.run), "+", "-", 1).Result()
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(entries[0].ID, "-0"), 10, 64)
	if err != nil || n < 1 || n > s.file.events() {
		return 0, errElsewhere
	}
	line, err := s.file.line(f, n)
	if err == nil && string(line) != text(entries[0], fieldEvent) {
		err = errElsewhere
	}
	return n, err
}

// register sends what is beside the events.
func (s *sender) register(ctx context.Context, p redis.Pipeliner, f *os.File) error {
	header, err := s.file.line(f, 0)
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	rec, err := parse(s.file.path, io.MultiReader(bytes.NewReader(header), strings.NewReader("\n")))
	if err != nil {
		return err
	}
	p.HSet(ctx, s.Redis.run(s.run), fieldHeader, header)
	if plan, err := Plan(s.file.path); err == nil {
		p.HSet(ctx, s.Redis.run(s.run), fieldPlan, plan)
	}
	p.ZAdd(ctx, s.runs(), redis.Z{Score: float64(rec.Header.Time.UnixMilli()), Member: s.run})
	return nil
}

// reason is why Redis took none of the commands: EXEC says only that it did not.
func reason(cmds []redis.Cmder, err error) error {
	if err != nil && strings.HasPrefix(err.Error(), "EXECABORT") {
		for _, c := range cmds {
			if why := c.Err(); why != nil && !strings.HasPrefix(why.Error(), "EXECABORT") {
				return why
			}
		}
	}
	return err
}
