package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A Set is the plans of several services in the order in which they are
// applied, each a whole plan of its own.
type Set struct {
	Digest string // "sha256:…"; of a single plan it is the plan's
	Plans  []*Plan
}

// NewSet makes a Set of plans.
func NewSet(plans ...*Plan) *Set {
	s := &Set{Plans: plans}
	s.Digest = s.digest()
	return s
}

// digest covers which plans there are, and their order.
func (s *Set) digest() string {
	if len(s.Plans) == 1 {
		return s.Plans[0].Digest
	}
	digests := make([]string, len(s.Plans))
	for i, p := range s.Plans {
		digests[i] = p.Digest
	}
	data, err := canonical(digests)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return digestOf(data)
}

// Changes tells whether there is anything to do on any host for any service.
func (s *Set) Changes() bool {
	return slices.ContainsFunc(s.Plans, func(p *Plan) bool { return p.Changes() })
}

// Problems are those of all plans: one that cannot be applied holds all of
// them up. Where there are several, each says whose it is.
func (s *Set) Problems() []string {
	var all []string
	for _, p := range s.Plans {
		for _, problem := range p.Problems() {
			if len(s.Plans) > 1 {
				problem = p.Body.Service + ": " + problem
			}
			all = append(all, problem)
		}
	}
	return all
}

// EncodeSet is the saved form of s: of a single plan what Encode gives.
func EncodeSet(s *Set) ([]byte, error) {
	if len(s.Plans) == 1 {
		return Encode(s.Plans[0])
	}
	form := savedSet{Digest: s.digest(), Format: Format}
	for _, p := range s.Plans {
		data, err := Encode(p)
		if err != nil {
			return nil, err
		}
		form.Plans = append(form.Plans, data)
	}
	data, err := marshal(form)
	if err != nil {
		return nil, fmt.Errorf("cannot write the plans: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		panic("internal error: " + err.Error())
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

type savedSet struct {
	Digest string            `json:"digest"`
	Format int               `json:"format"`
	Plans  []json.RawMessage `json:"plans"`
}

// DecodeSet reads what EncodeSet wrote, and what Encode wrote as a Set of
// one. Like Decode it refuses other formats (ErrFormat), and plans that were
// changed, left out, added or put into another order (ErrTampered).
func DecodeSet(data []byte) (*Set, error) {
	var head struct {
		Plans json.RawMessage `json:"plans"`
	}
	if len(data) > maxSize || json.Unmarshal(data, &head) != nil || head.Plans == nil {
		p, err := Decode(data)
		if err != nil {
			return nil, err
		}
		return NewSet(p), nil
	}
	var form savedSet
	if err := strict(data, &form); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if form.Format != Format {
		return nil, fmt.Errorf("%w: it has format %d, and this shipit reads format %d; make the plan again", ErrFormat, form.Format, Format)
	}
	if len(form.Plans) < 2 {
		return nil, fmt.Errorf("%w: a set holds several plans", ErrFormat)
	}
	s := &Set{Digest: form.Digest}
	services := map[string]bool{}
	for _, raw := range form.Plans {
		p, err := Decode(raw)
		if err != nil {
			return nil, err
		}
		if services[p.Body.Service] {
			return nil, fmt.Errorf("%w: service %s stands in it twice", ErrFormat, p.Body.Service)
		}
		services[p.Body.Service] = true
		s.Plans = append(s.Plans, p)
	}
	if got := s.digest(); got != s.Digest {
		return nil, fmt.Errorf("%w: its digest is %s, and it says %q; make the plan again", ErrTampered, got, s.Digest)
	}
	return s, nil
}
