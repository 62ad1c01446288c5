package check_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"shipit/exec/check"
	"shipit/lang"
)

// prometheus answers as the query API does: the query's name chooses.
func prometheus(t *testing.T) string {
	t.Helper()
	vector := func(series string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[` + series + `]}}`
	}
	one := func(instance, value string) string {
		return fmt.Sprintf(`{"metric":{"__name__":"errors","instance":%q},"value":[1435781451.781,%q]}`, instance, value)
	}
	answers := map[string]string{
		"low": vector(one("a:1", "0.01") + "," + one("b:1", "0.02")), "high": vector(one("a:1", "0.01") + "," + one("b:1", "0.2")),
		"scalar": `{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"3"]}}`,
		"none":   vector(""), "nan": vector(one("a:1", "NaN")), "inf": vector(one("a:1", "+Inf")),
		"matrix": `{"status":"success","data":{"resultType":"matrix","result":[]}}`,
		"twins":  vector(one("a:1", "3") + "," + one("b:1", "1") + "," + one("c:1", "100") + "," + one("d:1", "2")),
		"idle":   vector(one("a:1", "3") + "," + one("b:1", "0")),
		"twice":  vector(one("a:1", "3") + "," + one("a:1", "1")),
		"odd":    `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("query")
		switch {
		case r.URL.Path != "/prom/api/v1/query":
			http.NotFound(w, r)
		case query == "slow":
			select {
			case <-r.Context().Done():
			case <-time.After(time.Minute):
			}
		case answers[query] == "":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected )"}`)
		default:
			fmt.Fprint(w, answers[query])
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/prom/"
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	base := prometheus(t)
	twins := func(query, by string, below float64) map[string]any {
		return map[string]any{"query": query, "compare": "untouched", "instance": "a:1", "label": "instance", "by": by, "below": below}
	}
	for name, c := range map[string]struct {
		attrs map[string]any
		twins []string
		want  string
	}{
		"below":      {map[string]any{"query": "low", "below": 0.05}, nil, ""},
		"above":      {map[string]any{"query": "scalar", "above": 2.0, "below": int64(4)}, nil, ""},
		"one series": {map[string]any{"query": "high", "below": 0.05}, nil, `it is 0.2 for {__name__="errors", instance="b:1"}, wanted below 0.05`},
		"the bound":  {map[string]any{"query": "scalar", "above": 3.0}, nil, "it is 3, wanted above 3"},
		"no data":    {map[string]any{"query": "none", "below": 0.05}, nil, "unknown: the query gives no data"},
		"nan":        {map[string]any{"query": "nan", "below": 0.05}, nil, "unknown: the query gives NaN"},
		"inf":        {map[string]any{"query": "inf", "above": 0.05}, nil, "unknown: the query gives +Inf"},
		"matrix":     {map[string]any{"query": "matrix", "above": 0.05}, nil, "unknown: the query gives a matrix"},
		"odd":        {map[string]any{"query": "odd", "above": 0.05}, nil, "unknown: the answer has no number"},
		"refused":    {map[string]any{"query": "x)", "below": 1.0}, nil, "unknown: the query is refused: parse error"},
		"slow":       {map[string]any{"query": "slow", "below": 1.0}, nil, "unknown: no answer within"},
		"elsewhere":  {map[string]any{"url": "http://127.0.0.1:1/", "query": "low", "below": 1.0}, nil, "unknown: 127.0.0.1:1 does not answer: connection refused"},
		"ratio":      {twins("twins", "ratio", 1.6), []string{"b:1", "c:1", "d:1"}, ""},
		"worse":      {twins("twins", "ratio", 1.5), []string{"b:1", "c:1", "d:1"}, "it is 1.5 times the median 2 of the untouched hosts (3), wanted below 1.5"},
		"difference": {twins("twins", "difference", 2.5), []string{"b:1"}, ""},
		"more":       {twins("twins", "difference", 1.5), []string{"b:1", "d:1"}, "it is 1.5 more than the median 1.5 of the untouched hosts (2), wanted below 1.5"},
		"no twins":   {twins("twins", "ratio", 1.5), nil, "unknown: there is no data of hosts that were not touched yet"},
		"zero":       {twins("idle", "ratio", 1.5), []string{"b:1"}, "unknown: the median of the untouched hosts is 0"},
		"several":    {twins("twice", "ratio", 1.5), []string{"b:1"}, "unknown: there are several series"},
		"not there":  {twins("low", "ratio", 9), []string{"b:1"}, ""},
		"own lacks":  {map[string]any{"query": "twins", "compare": "untouched", "instance": "z:1", "below": 1.0}, []string{"b:1"}, `unknown: there is no data for instance="z:1"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.attrs["url"] == nil {
				c.attrs["url"] = base
			}
			q := question("prometheus", c.attrs)
			q.Within, q.Timeout, q.Every = lang.Duration(6*time.Second), lang.Duration(20*time.Second), lang.Duration(10*time.Second)
			if name == "slow" {
				q.Timeout = lang.Duration(250 * time.Millisecond)
			}
			ask, err := check.Deployer(q, check.Where{Host: "a", Twins: func() []string { return c.twins }})
			if err != nil {
				t.Fatal(err)
			}
			err = check.Poll(t.Context(), q, ask)
			judge(t, name, err, c.want)
			if len(c.want) > 8 && check.IsUnknown(err, 0) != (c.want[:8] == "unknown:") {
				t.Errorf("unknown is %t: %v", check.IsUnknown(err, 0), err)
			}
		})
	}
	if _, err := check.Host(question("prometheus", map[string]any{"url": base}), check.Place{}); err == nil {
		t.Error("a host can ask it")
	}
}
