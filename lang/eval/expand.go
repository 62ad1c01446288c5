package eval

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxExpand bounds the names that one pattern may stand for.
const MaxExpand = 20_000

// Expand returns the names that a pattern stands for: a part in brackets is a
// list of numbers, words and ranges, like web[01-20] or db[1,3,5-7] or
// rack[a-f]. A number keeps the width it is written with. Several parts
// multiply, the last one fastest.
func Expand(pattern string) ([]string, error) {
	names := []string{""}
	rest := pattern
	for {
		before, after, found := strings.Cut(rest, "[")
		if strings.Contains(before, "]") {
			return nil, fmt.Errorf("%q has a \"]\" without a \"[\"", pattern)
		}
		for i := range names {
			names[i] += before
		}
		if !found {
			return names, nil
		}
		list, tail, closed := strings.Cut(after, "]")
		if !closed {
			return nil, fmt.Errorf("%q has a \"[\" without a \"]\"", pattern)
		}
		var parts []string
		for item := range strings.SplitSeq(list, ",") {
			expanded, err := expandItem(strings.TrimSpace(item))
			if err != nil {
				return nil, fmt.Errorf("%q: %w", pattern, err)
			}
			parts = append(parts, expanded...)
			if len(parts)*len(names) > MaxExpand {
				return nil, fmt.Errorf("%q stands for more than %d names", pattern, MaxExpand)
			}
		}
		next := make([]string, 0, len(names)*len(parts))
		for _, name := range names {
			for _, part := range parts {
				next = append(next, name+part)
			}
		}
		names, rest = next, tail
	}
}

// expandItem expands one element of a bracket: "7", "01-20" or "a-f".
func expandItem(item string) ([]string, error) {
	from, to, isRange := strings.Cut(item, "-")
	if item == "" || isRange && (from == "" || to == "") {
		return nil, fmt.Errorf("[%s] needs numbers or letters, like [01-20] or [1,3,5-7]", item)
	}
	if !isRange {
		return []string{item}, nil
	}
	if len(from) == 1 && len(to) == 1 && isLetter(from[0]) && isLetter(to[0]) {
		if from > to {
			return nil, fmt.Errorf("the range %s runs backwards; write %s-%s", item, to, from)
		}
		var letters []string
		for c := from[0]; c <= to[0]; c++ {
			if isLetter(c) {
				letters = append(letters, string(c))
			}
		}
		return letters, nil
	}
	a, errA := parseDigits(from)
	b, errB := parseDigits(to)
	switch {
	case errA != nil || errB != nil:
		return nil, fmt.Errorf("the range %s is not between two numbers or two letters", item)
	case a > b:
		return nil, fmt.Errorf("the range %s runs backwards; write %s-%s", item, to, from)
	case len(from) > 1 && from[0] == '0' && len(from) != len(to):
		return nil, fmt.Errorf("the two ends of the range %s are not equally wide; write %0*d-%s", item, len(to), a, to)
	case b-a >= MaxExpand:
		return nil, fmt.Errorf("the range %s has more than %d names", item, MaxExpand)
	}
	width := 0
	if from[0] == '0' {
		width = len(from)
	}
	numbers := make([]string, 0, b-a+1)
	for n := a; n <= b; n++ {
		numbers = append(numbers, fmt.Sprintf("%0*d", width, n))
	}
	return numbers, nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func parseDigits(s string) (int, error) {
	if len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("not a number: %q", s)
	}
	return strconv.Atoi(s)
}
