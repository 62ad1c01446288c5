package diag

import "strings"

// Nearest returns the candidate that name was most likely meant to be, or ""
// if none is near enough: a wrong suggestion is worse than none. Candidates
// are ranked by the edits between them and name, of which two swapped
// neighbours count as one. A third of name's letters may differ, at least one.
// The first of equally near candidates wins.
func Nearest(name string, candidates []string) string {
	want := []rune(name)
	nearest, best := "", max(len(want)/3, 1)+1
	for _, c := range candidates {
		have := []rune(c)
		if len(have)-len(want) >= best || len(want)-len(have) >= best {
			continue
		}
		// Names that have no letter in common are not near, however short.
		if d := distance(want, have); d < best && d < max(len(want), len(have)) {
			nearest, best = c, d
		}
	}
	return nearest
}

// Certain returns the candidate that name must have been meant to be, or ""
// where there is room for doubt: exactly one candidate is near, the name is
// long enough to tell, and the two do not differ in a number, because worker1
// is no misspelt worker2.
func Certain(name string, candidates []string) string {
	if len([]rune(name)) < 3 {
		return ""
	}
	near := ""
	for _, c := range candidates {
		if c == near || Nearest(name, []string{c}) == "" {
			continue
		}
		if near != "" {
			return ""
		}
		near = c
	}
	if digits(near) != digits(name) {
		return ""
	}
	return near
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// distance is the optimal string alignment distance of a and b: insertions,
// deletions, substitutions and swaps of neighbours that turn a into b.
func distance(a, b []rune) int {
	before := make([]int, len(b)+1) // the row for a[:i-2]
	last := make([]int, len(b)+1)   // the row for a[:i-1]
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := last[j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			row[j] = min(last[j]+1, row[j-1]+1, substitute)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
