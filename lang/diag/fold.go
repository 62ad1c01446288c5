package diag

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fold writes names as briefly as it can: names that differ in one number
// become a pattern that the function expand reads back, written as people do:
// rb10[01-16]. Names are in natural order, in which web9 comes before web10.
func Fold(names []string) string {
	return strings.Join(FoldList(names), ", ")
}

// FoldList is Fold with one element for each pattern.
func FoldList(names []string) []string {
	var patterns []string
	for _, f := range fold(names) {
		patterns = append(patterns, f.pattern)
	}
	return patterns
}

// FoldSome is Fold that names at most the first patterns and counts the rest.
func FoldSome(names []string, most int) string {
	all := fold(names)
	if len(all) <= most {
		return Fold(names)
	}
	var patterns []string
	left := 0
	for i, f := range all {
		if i < most {
			patterns = append(patterns, f.pattern)
		} else {
			left += f.names
		}
	}
	return fmt.Sprintf("%s and %d more", strings.Join(patterns, ", "), left)
}

type folded struct {
	pattern string
	names   int
}

func fold(names []string) []folded {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, CompareNatural)
	sorted = slices.Compact(sorted)
	// A name can fold at any of its numbers. The number that folds most is
	// the one that differs within the group, most often the last of the
	// first label, so every position is tried and the fewest patterns win.
	best := foldAt(sorted, 0)
	for position := 1; position < 4; position++ {
		if other := foldAt(sorted, position); len(other) < len(best) {
			best = other
		}
	}
	return best
}

// foldAt folds names at their number of that position, counted from the
// left; a name with fewer numbers stands for itself.
func foldAt(names []string, position int) []folded {
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
		n, err := strconv.Atoi(digits)
		// Brackets in a name would read back as a pattern.
		if !ok || err != nil || len(digits) > 9 || strings.ContainsAny(name, "[]") {
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
	var list []folded
	for _, g := range groups {
		switch {
		case g.numbers == nil:
			list = append(list, folded{g.whole, 1})
		case len(g.numbers) == 1:
			list = append(list, folded{fmt.Sprintf("%s%0*d%s", g.before, g.width, g.numbers[0], g.after), 1})
		default:
			lead, numbers, width := common(g.numbers, g.width)
			list = append(list, folded{g.before + lead + "[" + ranges(numbers, width) + "]" + g.after, len(numbers)})
		}
	}
	return list
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
