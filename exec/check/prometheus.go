package check

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"shipit/lang"
)

// A threshold is what a number must be below, above, or both.
type threshold struct{ below, above *float64 }

func thresholdOf(c lang.Check) (t threshold) {
	if v, ok := c.Number("below"); ok {
		t.below = &v
	}
	if v, ok := c.Number("above"); ok {
		t.above = &v
	}
	return t
}

func (t threshold) holds(v float64) bool {
	return (t.below == nil || v < *t.below) && (t.above == nil || v > *t.above)
}

func (t threshold) String() string {
	var parts []string
	if t.above != nil {
		parts = append(parts, "above "+number(*t.above))
	}
	if t.below != nil {
		parts = append(parts, "below "+number(*t.below))
	}
	return strings.Join(parts, " and ")
}

// number is v for people.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// A sample is one value of a query's result.
type sample struct {
	labels map[string]string
	value  float64
}

// prometheusDeployer asks a Prometheus for a number. Whatever keeps it from
// having one is unknown: that it does not answer says nothing of the service.
func prometheusDeployer(c lang.Check, w Where) (Attempt, error) {
	base, err := url.Parse(c.Text("url"))
	if err != nil {
		return nil, fmt.Errorf("cannot ask: %w", err)
	}
	base = base.JoinPath("/api/v1/query")
	base.RawQuery = url.Values{"query": {c.Text("query")}, "timeout": {w.Timeout.String()}}.Encode()
	get, err := getter(c, base.String())
	if err != nil {
		return nil, err
	}
	want := thresholdOf(c)
	return func(ctx context.Context) error {
		_, _, body, err := get(ctx)
		if err != nil {
			return unknown("%s does not answer: %w", base.Host, err)
		}
		samples, err := samplesOf(body)
		if err != nil {
			return err
		}
		if c.Text("compare") == "" {
			return want.judge(samples)
		}
		var twins []string
		if w.Twins != nil {
			twins = w.Twins()
		}
		return want.compare(samples, c, twins)
	}, nil
}

// samplesOf reads an answer of the query API. No sample is no data.
func samplesOf(body string) ([]sample, error) {
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, unknown("the answer is not that of a Prometheus")
	}
	if answer.Status != "success" {
		return nil, unknown("the query is refused: %s", short(cmp.Or(answer.Error, "no reason given")))
	}
	type series struct {
		Metric map[string]string
		Value  [2]any
	}
	var all []series
	var err error
	switch answer.Data.ResultType {
	case "vector":
		err = json.Unmarshal(answer.Data.Result, &all)
	case "scalar":
		all = make([]series, 1)
		err = json.Unmarshal(answer.Data.Result, &all[0].Value)
	default:
		return nil, unknown("the query gives a %s, not a number for each series", short(cmp.Or(answer.Data.ResultType, "nothing")))
	}
	if err != nil {
		return nil, unknown("the answer is not that of a Prometheus")
	}
	var out []sample
	for _, s := range all {
		text, _ := s.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, unknown("the answer has no number: %q", short(text))
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, unknown("the query gives %s%s, which is no number", short(text), labelsOf(s.Metric))
		}
		out = append(out, sample{s.Metric, v})
	}
	if len(out) == 0 {
		return nil, unknown("the query gives no data")
	}
	return out, nil
}

// labelsOf are labels as Prometheus writes them, "" where there are none.
func labelsOf(m map[string]string) string {
	var parts []string
	for name, value := range m {
		parts = append(parts, fmt.Sprintf("%s=%q", name, value))
	}
	if parts == nil {
		return ""
	}
	slices.Sort(parts)
	return " for {" + short(strings.Join(parts, ", ")) + "}"
}

// judge wants every series to hold.
func (t threshold) judge(samples []sample) error {
	for _, s := range samples {
		if !t.holds(s.value) {
			return fmt.Errorf("it is %s%s, wanted %s", number(s.value), labelsOf(s.labels), t)
		}
	}
	return nil
}

// compare wants the host's value to hold against the median of those that
// the run has not touched. The median, because one odd machine among them
// must not decide.
func (t threshold) compare(samples []sample, c lang.Check, twins []string) error {
	label := cmp.Or(c.Text("label"), "instance")
	own, ok, err := valueOf(samples, label, c.Text("instance"))
	switch {
	case err != nil:
		return err
	case !ok:
		return unknown("there is no data for %s=%q", label, c.Text("instance"))
	}
	var others []float64
	for _, twin := range twins {
		v, ok, err := valueOf(samples, label, twin)
		if err != nil {
			return err
		}
		if ok {
			others = append(others, v)
		}
	}
	if len(others) == 0 {
		return unknown("there is no data of hosts that were not touched yet, to compare with")
	}
	typical := median(others)
	v, how := own/typical, "%s times the median %s of the untouched hosts (%d)"
	if c.Text("by") == "difference" {
		v, how = own-typical, "%s more than the median %s of the untouched hosts (%d)"
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return unknown("the median of the untouched hosts is 0, and nothing is a multiple of that; compare by = \"difference\"")
	}
	if !t.holds(v) {
		return fmt.Errorf("it is "+how+", wanted %s", number(v), number(typical), len(others), t)
	}
	return nil
}

// valueOf is the one series of an instance.
func valueOf(samples []sample, label, instance string) (v float64, ok bool, err error) {
	for _, s := range samples {
		if s.labels[label] != instance {
			continue
		}
		if ok {
			return 0, false, unknown("there are several series for %s=%q; sum them up in the query", label, instance)
		}
		v, ok = s.value, true
	}
	return v, ok, nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
