package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named is a plan of another service.
func named(t *testing.T, service string) *Plan {
	t.Helper()
	p := small()
	p.Body.Service = service
	var err error
	if p.Digest, err = p.Body.digest(); err != nil {
		t.Fatal(err)
	}
	return p
}

func encodeSet(t *testing.T, s *Set) []byte {
	t.Helper()
	data, err := EncodeSet(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSavedSetIsReadBackEqual(t *testing.T) {
	t.Parallel()
	s := NewSet(named(t, "cassandra"), named(t, "restbase"))
	data := encodeSet(t, s)
	got, err := DecodeSet(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("-made +read:\n%s", diff)
	}
	if !bytes.Equal(data, encodeSet(t, got)) {
		t.Error("encoding what was read gives other bytes")
	}
}

func TestSetOfOneHasTheFormOfAPlan(t *testing.T) {
	t.Parallel()
	p := small()
	data := encodeSet(t, NewSet(p))
	if !bytes.Equal(data, encode(t, p)) {
		t.Error("a set of one is not saved as its plan")
	}
	got, err := DecodeSet(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Plans) != 1 || got.Digest != p.Digest {
		t.Errorf("read %d plans with the digest %s, want one with %s", len(got.Plans), got.Digest, p.Digest)
	}
}

func TestSetThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	a, b, c := named(t, "a"), named(t, "b"), named(t, "c")
	tests := []struct {
		name   string
		change func(plans []any) []any
		want   error
	}{
		{"another order", func(p []any) []any { return []any{p[1], p[0], p[2]} }, ErrTampered},
		{"one left out", func(p []any) []any { return p[:2] }, ErrTampered},
		{"all but one left out", func(p []any) []any { return p[:1] }, ErrFormat},
		{"none", func([]any) []any { return []any{} }, ErrFormat},
		{"one twice", func(p []any) []any { return []any{p[0], p[1], p[1]} }, ErrFormat},
		{"a plan changed", func(p []any) []any {
			p[1].(map[string]any)["body"].(map[string]any)["path"] = "elsewhere"
			return p
		}, ErrTampered},
		{"no plan", func(p []any) []any { p[1] = "plan"; return p }, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var doc map[string]any
			if err := json.Unmarshal(encodeSet(t, NewSet(a, b, c)), &doc); err != nil {
				t.Fatal(err)
			}
			doc["plans"] = tt.change(doc["plans"].([]any))
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodeSet(data); !errors.Is(err, tt.want) {
				t.Errorf("DecodeSet: %v, want %v", err, tt.want)
			}
		})
	}
	for _, text := range []string{``, `{"plans":null}`, `{"plans":[],"format":1,"digest":"","more":1}`, `{"format":9,"digest":"","plans":[]}`} {
		if _, err := DecodeSet([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("DecodeSet(%s): %v, want %v", text, err, ErrFormat)
		}
	}
}

func TestProblemsOfASetSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	good, bad := named(t, "good"), named(t, "bad")
	bad.Body.Against = []string{"it cannot be"}
	got := NewSet(good, bad).Problems()
	if len(got) == 0 || !strings.HasPrefix(got[0], "bad: ") {
		t.Errorf("the problems are %q", got)
	}
	if one := NewSet(bad).Problems(); strings.HasPrefix(one[0], "bad: ") {
		t.Errorf("of a single plan they are %q", one)
	}
}
