package lang

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Duration is written "90s", "5m" or "1h30m", in HCL as in JSON.
type Duration time.Duration

// ParseDuration reads a duration: a number and a unit (ms, s, m, h), or
// several in a row. A number without a unit is an error, because nobody can
// say whether it means seconds.
func ParseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("a duration is a number with a unit, like \"30s\", \"5m\" or \"1h30m\", not %q", s)
	case d < 0:
		return 0, fmt.Errorf("a duration cannot be negative: %q", s)
	}
	return Duration(d), nil
}

// Std is d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the shortest way to write d: "5m", not "5m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	*d = v
	return err
}

// A Size is a number of hosts or a share of them.
type Size struct {
	N       int  // 0: not set
	Percent bool // N is a percentage
}

// ParseSize reads "4" or "25%".
func ParseSize(s string) (Size, error) {
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || percent && n > 100 {
		return Size{}, fmt.Errorf("a size is a number of hosts or a percentage, like 4 or \"25%%\", not %q", s)
	}
	return Size{N: n, Percent: percent}, nil
}

// Of is the number of hosts that s means among total: a percentage is
// rounded up, so that it is at least one host.
func (s Size) Of(total int) int {
	if !s.Percent {
		return s.N
	}
	return (total*s.N + 99) / 100
}

// String writes what ParseSize reads.
func (s Size) String() string {
	if s.Percent {
		return strconv.Itoa(s.N) + "%"
	}
	return strconv.Itoa(s.N)
}

// MarshalText writes String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSize reads.
func (s *Size) UnmarshalText(text []byte) error {
	v, err := ParseSize(string(text))
	*s = v
	return err
}
