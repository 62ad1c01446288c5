package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func small() *Plan {
	p := Make(deploy(definition(1, r2), fleet(1, r1), r2))
	p.Meta = Meta{Created: time.Date(2015, 6, 10, 14, 2, 0, 0, time.UTC), By: "me@here"}
	return p
}

func encode(t testing.TB, p *Plan) []byte {
	t.Helper()
	data, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSavedPlanIsReadBackEqual(t *testing.T) {
	t.Parallel()
	p := small()
	got, err := Decode(encode(t, p))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("-made +read:\n%s", diff)
	}
	if again := encode(t, got); !bytes.Equal(again, encode(t, p)) {
		t.Error("encoding what was read gives other bytes")
	}
}

func TestSavedPlanIsCanonical(t *testing.T) {
	t.Parallel()
	data := encode(t, small())
	if !bytes.HasSuffix(data, []byte("}\n")) || bytes.Contains(data, []byte("\r")) || bytes.Contains(data, []byte(`\u003e`)) {
		t.Error("not in the form that people read: LF at the end, > as it is")
	}
	var keys []string
	var last string
	for line := range strings.Lines(string(data)) { // the top level only
		if key, ok := strings.CutPrefix(line, `  "`); ok {
			key, _, _ = strings.Cut(key, `"`)
			keys = append(keys, key)
			if key < last {
				t.Errorf("%s stands behind %s", key, last)
			}
			last = key
		}
	}
	if strings.Join(keys, " ") != "approvals body digest format meta" {
		t.Errorf("a plan has %v", keys)
	}
}

func TestEveryFlippedByteIsNoticed(t *testing.T) {
	t.Parallel()
	p := small()
	data := encode(t, p)
	body, err := json.Marshal(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	const step = 19 // every kind of byte, in a time that people wait for
	refused := 0
	for i := 0; i < len(data); i += step {
		for _, flip := range []byte{0x01, 0x20} {
			bad := bytes.Clone(data)
			bad[i] ^= flip
			got, err := Decode(bad)
			if err != nil {
				if !errors.Is(err, ErrTampered) && !errors.Is(err, ErrFormat) {
					t.Fatalf("byte %d: %v is no error that a caller can tell", i, err)
				}
				refused++
				continue
			}
			if b, _ := json.Marshal(got.Body); !bytes.Equal(b, body) || got.Digest != p.Digest {
				t.Fatalf("byte %d (%q) changed the plan unnoticed", i, data[i])
			}
		}
	}
	if refused < len(data)/step/2 {
		t.Errorf("only %d of %d changes were refused", refused, 2*len(data)/step)
	}
}

func TestForeignPlansAreRefused(t *testing.T) {
	t.Parallel()
	good := string(encode(t, small()))
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"nothing":             {"", ErrFormat},
		"not JSON":            {"hello", ErrFormat},
		"another document":    {"{}", ErrFormat},
		"null":                {"null", ErrFormat},
		"a newer format":      {strings.Replace(good, `"format": 1`, `"format": 2`, 1), ErrFormat},
		"a changed host":      {strings.ReplaceAll(good, "web01", "web02"), ErrTampered},
		"a changed digest":    {strings.Replace(good, "sha256:", "sha512:", 1), ErrTampered},
		"an unknown field":    {strings.Replace(good, `"format": 1`, `"format": 1, "more": 1`, 1), ErrFormat},
		"a field in the body": {strings.Replace(good, `"protected": false`, `"protected": false, "more": 1`, 1), ErrTampered},
		"a key twice":         {strings.Replace(good, `"protected": false`, `"protected": false, "Protected": true`, 1), ErrTampered},
		"something behind it": {good + "{}", ErrFormat},
		"no body":             {`{"format": 1, "digest": "x"}`, ErrFormat},
	} {
		if _, err := Decode([]byte(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestResealedNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Body){
		"a host twice":             func(b *Body) { b.Hosts = append(b.Hosts, b.Hosts[0]) },
		"a host in two slices":     func(b *Body) { b.Batches = append(b.Batches, b.Batches[0]) },
		"a slice of strange hosts": func(b *Body) { b.Batches[0].Slices[0] = []string{"db01"} },
	} {
		p := small()
		spoil(&p.Body)
		if _, err := Decode(encode(t, p)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMetaAndApprovalsAreOutsideTheDigest(t *testing.T) {
	t.Parallel()
	p := small()
	encode(t, p)
	digest := p.Digest
	p.Meta.By = "you@there"
	p.Approvals = append(p.Approvals, Approval{By: "you", Signature: "…"})
	got, err := Decode(encode(t, p))
	if err != nil || got.Digest != digest || len(got.Approvals) != 1 {
		t.Errorf("an approval changed the plan: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, small()))
	f.Add([]byte(`{"format": 1, "digest": "sha256:x", "body": {}, "meta": {}, "approvals": []}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			return
		}
		if again, err := Decode(encode(t, p)); err != nil || again.Digest != p.Digest {
			t.Errorf("a plan that was read cannot be saved: %v", err)
		}
	})
}

func FuzzDecodeSet(f *testing.F) {
	other := small()
	other.Body.Service = "other"
	data, err := EncodeSet(NewSet(small(), other))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(encode(f, small()))
	f.Add([]byte(`{"format": 1, "digest": "sha256:x", "plans": [{}, {}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSet(data)
		if err != nil {
			return
		}
		data, err = EncodeSet(s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := DecodeSet(data); err != nil || again.Digest != s.Digest {
			t.Errorf("plans that were read cannot be saved: %v", err)
		}
	})
}
