package exec

import (
	"context"
	_ "embed"
	"fmt"
	"sync"
	"time"

	"shipit/exec/plan"
	"shipit/exec/remote"
	"shipit/lang"
)

//go:embed doctor.sh
var doctorSource string

var doctorScript = remote.Code(doctorSource)

// HealthQuestions asks everything that a deployment needs on the hosts, and
// what earlier ones left there.
func HealthQuestions(def *lang.Definition, root string) []Question {
	qs := Questions(def, root, plan.Deploy)
	for i := range qs {
		qs[i].Drift = true
	}
	return qs
}

// An Examined is a host as a doctor sees it. The Health of one that could not
// be asked is empty.
type Examined struct {
	Facts  plan.HostFacts
	Health plan.Health
}

// Examine is Observe with what the hosts say of themselves, in the same one
// exec each. It changes nothing.
func Examine(ctx context.Context, f *Fleet, qs []Question, each func(Examined)) []Examined {
	out := make([]Examined, len(qs))
	var mu sync.Mutex
	all(len(qs), func(i int) {
		out[i] = examine(ctx, f, qs[i])
		if each != nil {
			mu.Lock()
			defer mu.Unlock()
			each(out[i])
		}
	})
	return out
}

// mostNoise bounds how much of what a login shell says is kept.
const mostNoise = 5

func examine(ctx context.Context, f *Fleet, q Question) Examined {
	ctx, cancel := context.WithTimeoutCause(ctx, observeLimit, fmt.Errorf("no answer within %s", observeLimit))
	defer cancel()
	began := time.Now()
	conn, err := f.Conn(ctx, q.Target)
	if err != nil {
		return Examined{Facts: unreachable(q, because(ctx, err))}
	}
	sudo := ""
	if len(q.Sudo) > 0 {
		sudo = "1"
	}
	asked := time.Now()
	var answered time.Time
	var noise []string
	var records []remote.Record
	err = conn.Run(ctx, remote.Command{
		Name: "examine",
		Steps: []remote.Step{
			{ID: "clock", Op: "clock", Shell: `fact clock "$(date +%s.%N)"` + "\n"},
			observeStep(q, remote.Acts(conn)),
			{ID: "examine", Op: "examine", Shell: fmt.Sprintf("set +e\np=%s sudo=%s\n%s:\n", remote.QuotePath(q.Path), sudo, doctorScript)},
		},
		RunAs: q.User,
		On: func(r remote.Record) {
			if r.Kind == remote.Fact && r.Key == "clock" && answered.IsZero() {
				answered = time.Now()
			}
			records = append(records, r)
		},
		Noise: func(line string) {
			if line != "" && len(noise) < mostNoise {
				noise = append(noise, line)
			}
		},
	})
	if err != nil {
		return Examined{Facts: unreachable(q, because(ctx, err))}
	}
	e := Examined{Facts: parseFacts(q, conn.Info(), records), Health: parseHealth(records, asked, answered)}
	h, info := &e.Health, conn.Info()
	h.Address, h.Key, h.HostKey, h.Login = info.Address, info.Key, info.HostKey, e.Facts.Login
	h.Dial, h.Answer, h.Noise = asked.Sub(began), answered.Sub(asked), noise
	return e
}
