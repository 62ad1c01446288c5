package eval

import (
	"fmt"
	"slices"
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

func parseDigits(s string) (int, error) {
	if len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("not a number: %q", s)
	}
	return strconv.Atoi(s)
}

// Fold writes names as briefly as it can: names that differ in one number
// become a pattern that Expand reads back, written as people do: rb10[01-16].
// Names are in natural order, in which web9 comes before web10.
func Fold(names []string) string {
	return strings.Join(FoldList(names), ", ")
}

// FoldList is Fold with one element for each pattern.
func FoldList(names []string) []string {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, CompareNatural)
	sorted = slices.Compact(sorted)
	// A name can fold at any of its numbers. The number that folds most is
	// the one that differs within the group, most often the last of the
	// first label, so every position is tried and the fewest patterns win.
	best := foldAt(sorted, 0)
	for position := 1; position < 4; position++ {
		if folded := foldAt(sorted, position); len(folded) < len(best) {
			best = folded
		}
	}
	return best
}

// foldAt folds names at their number of that position, counted from the
// left; a name with fewer numbers stands for itself.
func foldAt(names []string, position int) []string {
	type group struct {
		before, after string
		width         int // of zero-padded numbers, 0 where they are not padded
		numbers       []int
		whole         string
	}
	type key struct {
		before, after string
		width         int
	}
	var groups []*group
	index := map[key]*group{}
	for _, name := range names {
		before, digits, after, ok := cutNumber(name, position)
		n, err := parseDigits(digits)
		// Brackets in a name would read back as a pattern.
		if !ok || err != nil || strings.ContainsAny(name, "[]") {
			groups = append(groups, &group{whole: name})
			continue
		}
		k := key{before, after, 0}
		if digits[0] == '0' && len(digits) > 1 {
			k.width = len(digits)
		}
		g := index[k]
		if g == nil && k.width == 0 {
			// 10 continues 01 to 09.
			padded := key{before, after, len(digits)}
			if g = index[padded]; g != nil {
				k = padded
			}
		}
		if g == nil {
			g = &group{before: before, after: after, width: k.width}
			index[k] = g
			groups = append(groups, g)
		}
		g.numbers = append(g.numbers, n)
	}
	var folded []string
	for _, g := range groups {
		switch {
		case g.whole != "":
			folded = append(folded, g.whole)
		case len(g.numbers) == 1:
			folded = append(folded, fmt.Sprintf("%s%0*d%s", g.before, g.width, g.numbers[0], g.after))
		default:
			lead, numbers, width := common(g.numbers, g.width)
			folded = append(folded, g.before+lead+"["+ranges(numbers, width)+"]"+g.after)
		}
	}
	return folded
}

// common takes the leading digits that all numbers have out of them, where
// they are equally wide. Two digits stay: who writes a range writes rb10[01-09]
// and web[01-09], not rb100[1-9].
func common(numbers []int, width int) (lead string, rest []int, restWidth int) {
	first := fmt.Sprintf("%0*d", width, numbers[0])
	last := fmt.Sprintf("%0*d", width, numbers[len(numbers)-1])
	if len(first) != len(last) {
		return "", numbers, width
	}
	n := 0
	for n < len(first)-2 && first[n] == last[n] {
		n++
	}
	if n == 0 {
		return "", numbers, width
	}
	base, _ := strconv.Atoi(first[:n] + strings.Repeat("0", len(first)-n))
	for _, number := range numbers {
		rest = append(rest, number-base)
	}
	return first[:n], rest, len(first) - n
}

// ranges writes ascending numbers as "1,3,5-7".
func ranges(numbers []int, width int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		switch {
		case j == i:
			parts = append(parts, fmt.Sprintf("%0*d", width, numbers[i]))
		case j == i+1:
			parts = append(parts, fmt.Sprintf("%0*d,%0*d", width, numbers[i], width, numbers[j]))
		default:
			parts = append(parts, fmt.Sprintf("%0*d-%0*d", width, numbers[i], width, numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// cutNumber cuts name around its number of that position.
func cutNumber(name string, position int) (before, digits, after string, ok bool) {
	for i := 0; i < len(name); {
		if !isDigit(name[i]) {
			i++
			continue
		}
		j := i
		for j < len(name) && isDigit(name[j]) {
			j++
		}
		if position == 0 {
			return name[:i], name[i:j], name[j:], true
		}
		position--
		i = j
	}
	return name, "", "", false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// CompareNatural orders names as people do: runs of digits by their value.
func CompareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if isDigit(x[0]) && isDigit(y[0]) {
			dx, dy := digitsOf(x), digitsOf(y)
			nx, ny := strings.TrimLeft(dx, "0"), strings.TrimLeft(dy, "0")
			if len(nx) != len(ny) {
				return len(nx) - len(ny)
			}
			if c := strings.Compare(nx, ny); c != 0 {
				return c
			}
			x, y = x[len(dx):], y[len(dy):]
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	if c := len(x) - len(y); c != 0 {
		return c
	}
	return strings.Compare(a, b) // 01 and 1 are equal in value, not in name
}

func digitsOf(s string) string {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i]
}
