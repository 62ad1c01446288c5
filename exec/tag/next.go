package tag

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"
)

// Compare orders two tags of the scheme as versions: negative if a is older.
// It never compares them as text: 10 is newer than 9.
func (s Scheme) Compare(a, b Tag) int {
	return cmp.Or(
		cmp.Compare(a.Date, b.Date),
		cmp.Compare(a.N, b.N),
		semver.Compare("v"+a.Version, "v"+b.Version),
		cmp.Compare(a.Name, b.Name), // versions that differ in build metadata only
	)
}

// NextOptions say what the next tag is for.
type NextOptions struct {
	// Hotfix continues the newest line: the next n of the newest tag's day,
	// also when that is not today, or the next patch version.
	Hotfix bool
	// Bump is the part of a semantic version that goes up: "major", "minor"
	// or "patch"; "" is minor, and patch for a hotfix.
	Bump string
}

// Next names the tag that follows the existing ones; names that are not of
// the scheme do not matter. today is the UTC date, YYYY-MM-DD. It takes the
// highest and adds one, and never counts: tags are deleted, names must not
// come back.
func (s Scheme) Next(existing []string, today string, o NextOptions) (string, error) {
	if !isDate(today) {
		panic("internal error: not a date: " + strconv.Quote(today))
	}
	newest, ok := s.newest(existing)
	if !ok && o.Hotfix {
		return "", fmt.Errorf("there is no tag like %s yet, so nothing to fix; leave out --hotfix", s)
	}
	if s.Has("semver") {
		return s.nextVersion(newest.Version, o)
	}
	if o.Bump != "" {
		return "", fmt.Errorf("the scheme %s has no version to bump; leave out --bump", s)
	}
	if !s.Has("date") {
		return s.nextN(newest, "")
	}
	date := today
	switch {
	case o.Hotfix:
		date = newest.Date
	case newest.Date > today:
		return "", fmt.Errorf("the newest tag %s is of a later day than today, %s; set the clock right, or continue its line with --hotfix", newest.Name, today)
	}
	if s.Has("n") {
		return s.nextN(newest, date)
	}
	if newest.Date == date {
		return "", fmt.Errorf("%s exists, and the scheme %s has one tag a day; add /{n} to the scheme", newest.Name, s)
	}
	return s.Name(Tag{Date: date}), nil
}

func (s Scheme) newest(names []string) (newest Tag, ok bool) {
	for _, name := range names {
		if t, match := s.Parse(name); match && (!ok || s.Compare(t, newest) > 0) {
			newest, ok = t, true
		}
	}
	return newest, ok
}

// nextN follows newest if that is of the same line, and begins a line if not.
func (s Scheme) nextN(newest Tag, date string) (string, error) {
	n := 1
	if newest.Date == date {
		n = newest.N + 1
	}
	if n > maxN {
		return "", fmt.Errorf("no number follows %s", newest.Name)
	}
	return s.Name(Tag{Date: date, N: n}), nil
}

func (s Scheme) nextVersion(newest string, o NextOptions) (string, error) {
	bump := cmp.Or(o.Bump, "minor")
	if o.Hotfix {
		if o.Bump != "" && o.Bump != "patch" {
			return "", fmt.Errorf("a hotfix is a patch, not %s; leave out --hotfix or --bump", o.Bump)
		}
		bump = "patch"
	}
	version, err := bumped(cmp.Or(newest, "0.0.0"), bump)
	if err != nil {
		return "", err
	}
	return s.Name(Tag{Version: version}), nil
}

// bumped is the version that follows, without prerelease and build metadata. A
// prerelease is followed by its release where that is bump enough: 1.3.0-rc.1
// goes to 1.3.0 by patch and minor, to 2.0.0 by major.
func bumped(version, bump string) (string, error) {
	numbers, _, _ := strings.Cut(version, "+")
	numbers, _, pre := strings.Cut(numbers, "-")
	var major, minor, patch int
	if _, err := fmt.Sscanf(numbers, "%d.%d.%d", &major, &minor, &patch); err != nil {
		panic("internal error: not a version: " + strconv.Quote(version))
	}
	switch bump {
	case "major":
		if !pre || minor > 0 || patch > 0 {
			major, minor, patch = major+1, 0, 0
		}
	case "minor":
		if !pre || patch > 0 {
			minor, patch = minor+1, 0
		}
	case "patch":
		if !pre {
			patch++
		}
	default:
		return "", fmt.Errorf("cannot bump %q; use major, minor or patch", bump)
	}
	if max(major, minor, patch) > maxN {
		return "", errors.New("no version follows " + version)
	}
	return fmt.Sprintf("%d.%d.%d", major, minor, patch), nil
}
