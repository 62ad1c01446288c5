// Package tag knows how the releases of a service are named: which git tags
// are releases, which is newer, and what the next one is called. It is pure.
package tag

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Scheme is the form of a service's tags, as in release/{date}/{n} or
// v{semver}. The zero Scheme matches no tag; ParseScheme makes the others.
type Scheme struct {
	text  string
	parts []part
	match *regexp.Regexp // a group for every field
}

// A part is literal text, or one of the fields "{date}", "{n}", "{semver}".
type part struct {
	text  string
	field bool
}

// A Tag is a tag's name and what its scheme reads in it.
type Tag struct {
	Name    string
	Date    string // YYYY-MM-DD, "" where the scheme has no {date}
	N       int    // from 1, 0 where the scheme has no {n}
	Version string // semantic version without a v, "" where the scheme has no {semver}
}

const (
	fieldDate   = "{date}"
	fieldN      = "{n}"
	fieldSemver = "{semver}"
)

// maxN keeps counters and versions far from overflow; bigger ones are no tags
// of a scheme.
const maxN = 999_999_999

// fields tells what each field matches. {n} has no leading zeros, so that two
// names never mean the same release.
var fields = map[string]string{
	fieldDate:   `([0-9]{4}-[0-9]{2}-[0-9]{2})`,
	fieldN:      `([1-9][0-9]{0,8})`,
	fieldSemver: `((?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})` + prerelease + build + `)`,
}

const (
	prerelease = `(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?`
	build      = `(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?`
)

// ParseScheme reads a scheme. Its errors say what to write instead.
func ParseScheme(s string) (Scheme, error) {
	parts, err := split(s)
	if err != nil {
		return Scheme{}, err
	}
	scheme := Scheme{text: s, parts: parts}
	if err := scheme.check(); err != nil {
		return Scheme{}, err
	}
	var pattern strings.Builder
	for _, p := range parts {
		if p.field {
			pattern.WriteString(fields[p.text])
		} else {
			pattern.WriteString(regexp.QuoteMeta(p.text))
		}
	}
	scheme.match = regexp.MustCompile(`^` + pattern.String() + `$`)
	return scheme, nil
}

// split cuts a scheme into literal text and fields.
func split(s string) ([]part, error) {
	var parts []part
	for s != "" {
		open := strings.IndexAny(s, "{}")
		if open < 0 {
			return append(parts, part{text: s}), nil
		}
		if open > 0 {
			parts = append(parts, part{text: s[:open]})
		}
		field, rest, closed := strings.Cut(s[open:], "}")
		if !closed || s[open] == '}' {
			return nil, errors.New("a brace is left alone; fields are written {date}, {n} and {semver}")
		}
		field += "}"
		if _, ok := fields[field]; !ok {
			return nil, fmt.Errorf("there is no field %s; use {date}, {n} or {semver}", strconv.QuoteToGraphic(field))
		}
		parts = append(parts, part{text: field, field: true})
		s = rest
	}
	return parts, nil
}

// check refuses schemes that name no versions, or not in one way only.
func (s Scheme) check() error {
	count := map[string]int{}
	for i, p := range s.parts {
		if !p.field {
			if bad := strings.Trim(p.text, safe+"/"); bad != "" {
				return fmt.Errorf("%s cannot stand in a tag scheme; use letters, digits and . _ + - /", strconv.QuoteToGraphic(bad[:firstRune(bad)]))
			}
			continue
		}
		count[p.text]++
		if count[p.text] > 1 {
			return fmt.Errorf("%s stands there twice; write it once", p.text)
		}
		if i > 0 && s.parts[i-1].field {
			return fmt.Errorf("nothing parts %s from %s; write %s/%s", s.parts[i-1].text, p.text, s.parts[i-1].text, p.text)
		}
	}
	switch {
	case len(count) == 0:
		return errors.New("nothing in it tells releases apart; add {n}, {date} or {semver}, as in release/{date}/{n}")
	case count[fieldSemver] > 0 && len(count) > 1:
		return errors.New("{semver} orders releases alone; write v{semver}, or release/{date}/{n}")
	case len(s.text) > 100:
		return errors.New("it has more than 100 characters; write a shorter one")
	}
	sample := s.Name(Tag{Date: "2015-06-10", N: 1, Version: "1.2.3"})
	if why := refProblem(sample); why != "" {
		return fmt.Errorf("git takes no tag like %q: %s", sample, why)
	}
	return nil
}

func firstRune(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// String is the scheme as it was written.
func (s Scheme) String() string { return s.text }

// Has tells whether the scheme has the field, as in Has("date").
func (s Scheme) Has(field string) bool {
	for _, p := range s.parts {
		if p.field && p.text == "{"+field+"}" {
			return true
		}
	}
	return false
}

// Name puts the tag's fields into the scheme.
func (s Scheme) Name(t Tag) string {
	var b strings.Builder
	for _, p := range s.parts {
		switch {
		case !p.field:
			b.WriteString(p.text)
		case p.text == fieldDate:
			b.WriteString(t.Date)
		case p.text == fieldN:
			b.WriteString(strconv.Itoa(t.N))
		case p.text == fieldSemver:
			b.WriteString(t.Version)
		}
	}
	return b.String()
}

// Parse reads the name of a tag. It is false for tags that are not of the
// scheme: a repository may hold any number of those.
func (s Scheme) Parse(name string) (Tag, bool) {
	if s.match == nil || refProblem(name) != "" {
		return Tag{}, false
	}
	groups := s.match.FindStringSubmatch(name)
	if groups == nil {
		return Tag{}, false
	}
	t := Tag{Name: name}
	groups = groups[1:]
	for _, p := range s.parts {
		if !p.field {
			continue
		}
		value := groups[0]
		groups = groups[1:]
		switch p.text {
		case fieldDate:
			if !isDate(value) {
				return Tag{}, false
			}
			t.Date = value
		case fieldN:
			t.N, _ = strconv.Atoi(value) // at most nine digits
		case fieldSemver:
			t.Version = value
		}
	}
	return t, true
}

// Pattern is the glob of refs that holds every tag of the scheme, as git
// for-each-ref takes it. It may hold others: Parse decides.
func (s Scheme) Pattern() string {
	var b strings.Builder
	b.WriteString("refs/tags/")
	for _, p := range s.parts {
		if p.field {
			b.WriteByte('*')
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
