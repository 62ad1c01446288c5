package tag

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"
)

// Prerelease tells whether the tag is a version before a version, as v1.3.0-rc.1
// is. Where no release is named, none of these is meant.
func (t Tag) Prerelease() bool { return semver.Prerelease("v"+t.Version) != "" }

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
	// also when that is not today, or the next patch of the newest version
	// that is no prerelease.
	Hotfix bool
	// Bump is the part of a semantic version that goes up: "major", "minor"
	// or "patch"; "" is minor, and patch for a hotfix.
	Bump string
	// Pre makes a prerelease of the version, by this name: rc gives 1.3.0-rc.1,
	// then 1.3.0-rc.2.
	Pre string
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
		return s.nextVersion(existing, newest.Version, o)
	}
	switch {
	case o.Bump != "":
		return "", fmt.Errorf("the scheme %s has no version to bump; leave out --bump", s)
	case o.Pre != "":
		return "", fmt.Errorf("the scheme %s has no version to make a prerelease of; leave out --pre", s)
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

func (s Scheme) nextVersion(existing []string, newest string, o NextOptions) (string, error) {
	bump := cmp.Or(o.Bump, "minor")
	if o.Hotfix {
		if o.Bump != "" && o.Bump != "patch" {
			return "", fmt.Errorf("a hotfix is a patch, not %s; leave out --hotfix or --bump", o.Bump)
		}
		bump = "patch"
		// What is to be fixed is what is deployed, not what is being tried.
		tried := func(name string) bool { t, _ := s.Parse(name); return t.Prerelease() }
		if deployed, ok := s.newest(slices.DeleteFunc(slices.Clone(existing), tried)); ok {
			newest = deployed.Version
		}
	}
	version, err := bumped(cmp.Or(newest, "0.0.0"), bump)
	if err == nil && o.Pre != "" {
		version, err = s.nextPre(existing, version, o.Pre)
	}
	if err != nil {
		return "", err
	}
	return s.Name(Tag{Version: version}), nil
}

// nextPre is the prerelease of a version that follows those it has.
func (s Scheme) nextPre(existing []string, version, pre string) (string, error) {
	line := version + "-" + pre + "."
	if strings.ContainsAny(pre, ".+") || !semver.IsValid("v"+line+"1") {
		return "", fmt.Errorf("a prerelease cannot be called %q; use letters, digits and -, as in rc", pre)
	}
	n := 1
	newest, ok := s.newest(slices.DeleteFunc(slices.Clone(existing), func(name string) bool {
		t, ok := s.Parse(name)
		return !ok || !strings.HasPrefix(t.Version, version+"-")
	}))
	if ok {
		numbers, _, _ := strings.Cut(newest.Version, "+")
		if last, err := strconv.Atoi(strings.TrimPrefix(numbers, line)); err == nil {
			n = last + 1
		}
	}
	if n > maxN {
		return "", fmt.Errorf("no number follows %s", newest.Name)
	}
	next := Tag{Version: line + strconv.Itoa(n)}
	next.Name = s.Name(next)
	if ok && s.Compare(next, newest) < 0 {
		return "", fmt.Errorf("%s would be older than %s; give --pre a name that sorts after it", next.Name, newest.Name)
	}
	return next.Version, nil
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
