package lang

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// satisfies tells whether version meets every part of a constraint like
// ">= 0.4, < 2".
func satisfies(version, constraint string) (bool, error) {
	fits := true
	for part := range strings.SplitSeq(constraint, ",") {
		part = strings.TrimSpace(part)
		number := strings.TrimLeft(part, "<>=!~ ")
		operator := strings.TrimSpace(strings.TrimSuffix(part, number))
		want := "v" + number
		if !semver.IsValid(want) {
			return false, fmt.Errorf("%q is not a version like 0.4 or 1.2.3", number)
		}
		have := "v" + strings.TrimPrefix(version, "v")
		order := semver.Compare(have, want)
		switch operator {
		case "", "=":
			fits = fits && order == 0
		case "!=":
			fits = fits && order != 0
		case ">":
			fits = fits && order > 0
		case ">=":
			fits = fits && order >= 0
		case "<":
			fits = fits && order < 0
		case "<=":
			fits = fits && order <= 0
		case "~>":
			fits = fits && order >= 0 && semver.Major(have) == semver.Major(want)
		default:
			return false, fmt.Errorf("%q is not one of = != > >= < <= ~>", operator)
		}
		if version == "" || version == "dev" {
			fits = true
		}
	}
	return fits, nil
}
