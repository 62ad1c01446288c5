package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// ErrTampered is the error of a saved plan that is not what was saved.
var ErrTampered = errors.New("the plan was changed after it was made")

// ErrFormat is the error of what is no plan, or none that this shipit reads.
var ErrFormat = errors.New("not a plan of this shipit")

// maxSize bounds a saved plan: a hundred times what 1,000 hosts need.
const maxSize = 512 << 20

// Encode is the saved form of p: canonical JSON, so that equal plans are
// equal bytes. The digest in it is computed anew.
func Encode(p *Plan) ([]byte, error) {
	body, err := canonical(&p.Body)
	if err != nil {
		return nil, err
	}
	parts := map[string]json.RawMessage{"body": body}
	for name, v := range map[string]any{
		"format": Format, "digest": digestOf(body), "meta": p.Meta, "approvals": orEmpty(p.Approvals),
	} {
		if parts[name], err = canonical(v); err != nil {
			return nil, err
		}
	}
	data, err := marshal(parts) // of a map: the keys are sorted
	if err != nil {
		return nil, fmt.Errorf("cannot write the plan: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		panic("internal error: " + err.Error())
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// Decode reads what Encode wrote. It refuses other formats, fields it does
// not know (ErrFormat) and a body that is not the digested one (ErrTampered).
func Decode(data []byte) (*Plan, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%w: it is larger than %d MiB", ErrFormat, maxSize>>20)
	}
	var saved struct {
		Format    int             `json:"format"`
		Digest    string          `json:"digest"`
		Body      json.RawMessage `json:"body"`
		Meta      json.RawMessage `json:"meta"`
		Approvals json.RawMessage `json:"approvals"`
	}
	// Which format it is has to be known before its fields can be judged.
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Format == nil {
		return nil, fmt.Errorf("%w: it has no format; make one with shipit plan --out FILE", ErrFormat)
	}
	if *head.Format != Format {
		return nil, fmt.Errorf("%w: it has format %d, and this shipit reads format %d; make the plan again", ErrFormat, *head.Format, Format)
	}
	if err := strict(data, &saved); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	// The digest goes over the canonical form of what was read, and only that
	// form is decoded: a key that stands twice cannot mean two things.
	body, err := recanonical(saved.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if got := digestOf(body); got != saved.Digest {
		return nil, fmt.Errorf("%w: its digest is %s, and it says %q; make the plan again", ErrTampered, got, saved.Digest)
	}
	p := &Plan{Format: saved.Format, Digest: saved.Digest}
	for _, part := range []struct {
		raw  []byte
		into any
	}{{body, &p.Body}, {saved.Meta, &p.Meta}, {saved.Approvals, &p.Approvals}} {
		if err := strict(part.raw, part.into); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	if err := p.Body.sound(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	p.Body.eachStep(func(s *Step) { s.Spec = plainMap(s.Spec) })
	return p, nil
}

// strict decodes all of data into v and knows every field.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the plan")
	}
	return nil
}

// sound says what is wrong with a body that has the right digest: anybody can
// compute a digest, and nobody who walks a plan should have to be wary.
func (b *Body) sound() error {
	hosts := map[string]bool{}
	for _, h := range b.Hosts {
		if hosts[h.Name] {
			return fmt.Errorf("host %s stands in it twice", h.Name)
		}
		hosts[h.Name] = true
	}
	for _, batch := range b.Batches {
		for _, slice := range batch.Slices {
			for _, name := range slice {
				if !hosts[name] {
					return fmt.Errorf("host %s of batch %s is not in it, or stands in two slices", name, batch.Name)
				}
				hosts[name] = false
			}
		}
	}
	return nil
}

// eachStep calls f on every step.
func (b *Body) eachStep(f func(*Step)) {
	each := func(steps []Step) {
		for i := range steps {
			f(&steps[i])
		}
	}
	each(b.Hooks)
	for i := range b.Hosts {
		h := &b.Hosts[i]
		for _, steps := range [][]Step{h.Before, h.Stage, h.Switch, h.After, h.Undo, h.Prune} {
			each(steps)
		}
	}
}

func (b *Body) digest() (string, error) {
	data, err := canonical(b)
	if err != nil {
		return "", err
	}
	return digestOf(data), nil
}

func digestOf(body []byte) string {
	d := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(d[:])
}

// recanonical is any JSON as canonical would write it.
func recanonical(data []byte) ([]byte, error) {
	var any any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&any); err != nil {
		return nil, err
	}
	return marshal(any) // sorts the keys of maps
}

// marshal leaves <, > and & alone: plans are read by people.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// plain gives a JSON value the types that a Spec has, so that a plan that was
// read is equal to the one that was saved: whole numbers are int64, others
// float64.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return plainMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out
	case int:
		return int64(v)
	case float64:
		if v >= -1<<63 && v < 1<<63 && v == math.Trunc(v) {
			return int64(v)
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
	case nil, bool, string, int64:
	default: // what only looks like JSON: a map of strings, a duration
		data, err := marshal(v)
		var any any
		if err == nil {
			err = strict(data, &any)
		}
		if err != nil {
			panic("internal error: an attribute that is no JSON value: " + err.Error())
		}
		return plain(any)
	}
	return v
}

func plainMap(m map[string]any) map[string]any {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = plain(v)
	}
	return out
}
