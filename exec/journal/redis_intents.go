package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Intend adds an intent to the run's stream. Its number is the entry's id,
// which Redis gives and which only grows: above 10^15, so that no intent of the
// run's own machine has it.
func (r *Redis) Intend(ctx context.Context, run string, i Intent) (int64, error) {
	if err := checkRunID(run); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	data, err := json.Marshal(i)
	if err != nil {
		return 0, r.cannot("write down what the run shall do", err)
	}
	id, err := r.client.XAdd(ctx, &redis.XAddArgs{Stream: r.intents(run), Values: []any{fieldIntent, data}}).Result()
	if err != nil {
		return 0, r.cannot("write down what the run shall do", err)
	}
	return intentOf(id)
}

// Intents are those with a higher number.
func (r *Redis) Intents(ctx context.Context, run string, after int64) ([]Intent, error) {
	if err := checkRunID(run); err != nil {
		return nil, err
	}
	some, err := r.page(ctx, r.intents(run), fmt.Sprintf("(%d-%d", after/perMilli, after%perMilli))
	if err != nil {
		return nil, r.cannot("read what the run shall do", err)
	}
	var all []Intent
	for _, m := range some {
		var i Intent
		n, err := intentOf(m.ID)
		if err == nil {
			err = json.Unmarshal([]byte(text(m, fieldIntent)), &i)
		}
		if err != nil { // somebody else's writing: the run answers that it cannot do that
			i = Intent{Do: "understand an intent in Redis", By: "somebody"}
		}
		i.N = n
		all = append(all, i)
	}
	return all, nil
}

// perMilli is how many intents of one millisecond have numbers of their own.
const perMilli = 1000

// intentOf makes a number of an entry's id, MILLISECONDS-N.
func intentOf(id string) (int64, error) {
	ms, n, _ := strings.Cut(id, "-")
	a, err := strconv.ParseInt(ms, 10, 52)
	if err != nil {
		return 0, fmt.Errorf("cannot read the id %s of an intent: %w", id, err)
	}
	b, err := strconv.ParseInt(n, 10, 52)
	if err != nil {
		return 0, fmt.Errorf("cannot read the id %s of an intent: %w", id, err)
	}
	return a*perMilli + min(b, perMilli-1), nil
}
