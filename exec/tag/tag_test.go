package tag_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/exec/tag"
)

func scheme(t testing.TB, s string) tag.Scheme {
	t.Helper()
	parsed, err := tag.ParseScheme(s)
	if err != nil {
		t.Fatalf("ParseScheme(%q): %v", s, err)
	}
	return parsed
}

func TestParseSchemeRefusesAndSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	tests := []struct{ scheme, want string }{
		{"", "add {n}, {date} or {semver}"},
		{"release", "add {n}, {date} or {semver}"},
		{"release/{Date}/{n}", `there is no field "{Date}"; use {date}, {n} or {semver}`},
		{"release/{", "a brace is left alone"},
		{"release/}{n}", "a brace is left alone"},
		{"{date}{n}", "write {date}/{n}"},
		{"{n}/{n}", "{n} stands there twice"},
		{"{date}/{semver}", "{semver} orders releases alone"},
		{"-{n}", "begins with -"},
		{"release {n}", `" " cannot stand in a tag scheme`},
		{"größe/{n}", `"ö" cannot stand in a tag scheme`},
		{"a\x1b/{n}", `"\x1b" cannot stand in a tag scheme`},
		{"release/{n}/", "a / stands at its end"},
		{"/release/{n}", "a / stands at its end or beside another"},
		{"release//{n}", "beside another"},
		{"a..b/{n}", "two dots"},
		{"{n}.", "ends with a dot"},
		{"{n}.lock", "ends with .lock"},
		{".{n}", "begins with a dot"},
		{strings.Repeat("x", 100) + "{n}", "more than 100 characters"},
	}
	for _, tt := range tests {
		if _, err := tag.ParseScheme(tt.scheme); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseScheme(%q): %v, want %q", tt.scheme, err, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scheme, name string
		want         tag.Tag // without the name; the zero Tag for no match
	}{
		{"release/{date}/{n}", "release/2015-06-10/1", tag.Tag{Date: "2015-06-10", N: 1}},
		{"release/{date}/{n}", "release/2016-02-29/12", tag.Tag{Date: "2016-02-29", N: 12}},
		{"release/{date}/{n}", "release/2015-02-29/1", tag.Tag{}}, // no such day
		{"release/{date}/{n}", "release/2015-06-10/01", tag.Tag{}},
		{"release/{date}/{n}", "release/2015-06-10/0", tag.Tag{}},
		{"release/{date}/{n}", "release/2015-06-10", tag.Tag{}},
		{"release/{date}/{n}", "xrelease/2015-06-10/1", tag.Tag{}},
		{"release/{date}/{n}", "release/2015-06-10/1\n", tag.Tag{}},
		{"release/{date}/{n}", "release/2015-06-10/9999999999999999999999", tag.Tag{}},
		{"r{n}", "r7", tag.Tag{N: 7}},
		{"{date}", "2015-06-10", tag.Tag{Date: "2015-06-10"}},
		{"v{semver}", "v1.2.3", tag.Tag{Version: "1.2.3"}},
		{"v{semver}", "v1.2.3-rc.1+b5", tag.Tag{Version: "1.2.3-rc.1+b5"}},
		{"v{semver}", "v1.2", tag.Tag{}},
		{"v{semver}", "v1.02.3", tag.Tag{}},
		{"v{semver}", "v1.2.3-01", tag.Tag{}},
		{"v{semver}", "v1.2.3-a.lock", tag.Tag{}},
		{"a.c/{n}", "abc/1", tag.Tag{}},
	}
	for _, tt := range tests {
		want := tt.want
		if want != (tag.Tag{}) {
			want.Name = tt.name
		}
		got, ok := scheme(t, tt.scheme).Parse(tt.name)
		if got != want || ok != (want.Name != "") {
			t.Errorf("%s: Parse(%q) = %+v, %v, want %+v", tt.scheme, tt.name, got, ok, want)
		}
	}
	if got, ok := (tag.Scheme{}).Parse("x"); ok {
		t.Errorf("the zero Scheme takes a tag: %+v", got)
	}
}

func TestCompareOrdersAsVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scheme string
		sorted []string
	}{
		{"release/{date}/{n}", []string{"release/2014-12-31/3", "release/2015-06-10/2", "release/2015-06-10/9", "release/2015-06-10/10", "release/2015-06-11/1"}},
		{"{n}/{date}", []string{"9/2015-06-10", "10/2015-06-10", "1/2015-06-11"}},
		{"{date}.{n}", []string{"2015-06-10.2", "2015-06-10.10", "2015-06-11.1"}},
		{"team-a/x{n}", []string{"team-a/x9", "team-a/x10"}},
		{"v{semver}", []string{"v0.9.0", "v1.2.3-alpha", "v1.2.3-rc.2", "v1.2.3-rc.10", "v1.2.3", "v1.2.3+a", "v1.2.3+b", "v1.10.0"}},
	}
	for _, tt := range tests {
		s := scheme(t, tt.scheme)
		var tags []tag.Tag
		for _, name := range slices.Backward(tt.sorted) {
			parsed, ok := s.Parse(name)
			if !ok {
				t.Fatalf("%s: %q does not match", tt.scheme, name)
			}
			tags = append(tags, parsed)
		}
		slices.SortFunc(tags, s.Compare)
		var got []string
		for _, sorted := range tags {
			got = append(got, sorted.Name)
		}
		if diff := cmp.Diff(tt.sorted, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.scheme, diff)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	const today = "2015-06-10"
	hotfix := tag.NextOptions{Hotfix: true}
	tests := []struct {
		name, scheme string
		existing     string // separated by spaces
		options      tag.NextOptions
		want         string // a tag, or a piece of the error
	}{
		{"first", "release/{date}/{n}", "", tag.NextOptions{}, "release/2015-06-10/1"},
		{"first of the day", "release/{date}/{n}", "release/2015-06-09/4", tag.NextOptions{}, "release/2015-06-10/1"},
		{"second", "release/{date}/{n}", "release/2015-06-10/1", tag.NextOptions{}, "release/2015-06-10/2"},
		{"highest, never a count", "release/{date}/{n}", "release/2015-06-10/9 release/2015-06-10/10", tag.NextOptions{}, "release/2015-06-10/11"},
		{"others do not matter", "release/{date}/{n}", "v1.0.0 release/2015-06-10/007 release/2099-99-99/1", tag.NextOptions{}, "release/2015-06-10/1"},
		{"hotfix of today", "release/{date}/{n}", "release/2015-06-10/1", hotfix, "release/2015-06-10/2"},
		{"hotfix of an older line", "release/{date}/{n}", "release/2015-06-08/7 release/2015-06-09/4", hotfix, "release/2015-06-09/5"},
		{"hotfix of nothing", "release/{date}/{n}", "other", hotfix, "leave out --hotfix"},
		{"hotfix of a future line", "release/{date}/{n}", "release/2015-06-11/1", hotfix, "release/2015-06-11/2"},
		{"the clock is wrong", "release/{date}/{n}", "release/2015-06-11/1", tag.NextOptions{}, "set the clock right"},
		{"no number is left", "release/{date}/{n}", "release/2015-06-10/999999999", tag.NextOptions{}, "no number follows"},
		{"bump of a date", "release/{date}/{n}", "", tag.NextOptions{Bump: "minor"}, "leave out --bump"},
		{"only n", "r{n}", "r9 r10", tag.NextOptions{}, "r11"},
		{"only n, hotfix", "r{n}", "r9", hotfix, "r10"},
		{"only date", "d{date}", "d2015-06-09", tag.NextOptions{}, "d2015-06-10"},
		{"only date, again", "d{date}", "d2015-06-10", tag.NextOptions{}, "add /{n}"},
		{"only date, hotfix", "d{date}", "d2015-06-09", hotfix, "add /{n}"},
		{"first version", "v{semver}", "", tag.NextOptions{}, "v0.1.0"},
		{"first major", "v{semver}", "", tag.NextOptions{Bump: "major"}, "v1.0.0"},
		{"minor", "v{semver}", "v1.9.3 v1.10.4", tag.NextOptions{}, "v1.11.0"},
		{"patch", "v{semver}", "v1.10.4", hotfix, "v1.10.5"},
		{"major", "v{semver}", "v1.10.4", tag.NextOptions{Bump: "major"}, "v2.0.0"},
		{"release of a prerelease", "v{semver}", "v1.3.0-rc.1+x", tag.NextOptions{}, "v1.3.0"},
		{"major of a prerelease", "v{semver}", "v1.3.0-rc.1", tag.NextOptions{Bump: "major"}, "v2.0.0"},
		{"minor of a patch's prerelease", "v{semver}", "v1.3.1-rc.1", tag.NextOptions{}, "v1.4.0"},
		{"hotfix that bumps minor", "v{semver}", "v1.0.0", tag.NextOptions{Hotfix: true, Bump: "minor"}, "a hotfix is a patch"},
		{"hotfix beside a prerelease", "v{semver}", "v1.2.0 v1.3.0-rc.1", hotfix, "v1.2.1"},
		{"hotfix of prereleases only", "v{semver}", "v0.1.0-rc.1", hotfix, "v0.1.0"},
		{"prerelease", "v{semver}", "v1.2.0", tag.NextOptions{Pre: "rc"}, "v1.3.0-rc.1"},
		{"first prerelease", "v{semver}", "", tag.NextOptions{Pre: "rc"}, "v0.1.0-rc.1"},
		{"second prerelease", "v{semver}", "v1.3.0-rc.9 v1.3.0-rc.10+b v1.3.0-beta.12", tag.NextOptions{Pre: "rc"}, "v1.3.0-rc.11"},
		{"another prerelease", "v{semver}", "v1.3.0-beta.2", tag.NextOptions{Pre: "rc"}, "v1.3.0-rc.1"},
		{"prerelease of a greater version", "v{semver}", "v1.3.0-rc.2", tag.NextOptions{Pre: "rc", Bump: "major"}, "v2.0.0-rc.1"},
		{"prerelease of a hotfix", "v{semver}", "v1.2.0 v1.2.1-rc.1 v1.3.0-rc.7", tag.NextOptions{Pre: "rc", Hotfix: true}, "v1.2.1-rc.2"},
		{"prerelease behind", "v{semver}", "v1.3.0-rc.2", tag.NextOptions{Pre: "beta"}, "v1.3.0-beta.1 would be older than v1.3.0-rc.2"},
		{"prerelease of no name", "v{semver}", "v1.3.0", tag.NextOptions{Pre: "r.c"}, `cannot be called "r.c"`},
		{"prerelease of a date", "release/{date}/{n}", "", tag.NextOptions{Pre: "rc"}, "leave out --pre"},
		{"date and number", "{date}.{n}", "2015-06-10.9", tag.NextOptions{}, "2015-06-10.10"},
		{"bump of nonsense", "v{semver}", "v1.0.0", tag.NextOptions{Bump: "big"}, "use major, minor or patch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := scheme(t, tt.scheme).Next(strings.Fields(tt.existing), today, tt.options)
			if err != nil {
				got = err.Error()
				if !strings.Contains(got, tt.want) {
					t.Errorf("got error %q, want %q", got, tt.want)
				}
				return
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	const commit = "e4f5a6b0c1d2e3f405060708090a0b0c0d0e0f10"
	tests := []struct{ tag, want string }{
		{"release/2015-06-10/1", "release-2015-06-10-1-e4f5a6b0c1d2"},
		{"v1.2.3-rc.1+b5", "v1.2.3-rc.1+b5-e4f5a6b0c1d2"},
		{"", "r-e4f5a6b0c1d2"},
		{"../x y\n", "r..-x-y--e4f5a6b0c1d2"},
		{strings.Repeat("é", 300), "r" + strings.Repeat("-", 101) + "e4f5a6b0c1d2"},
	}
	for _, tt := range tests {
		if got := tag.ID(tt.tag, commit); got != tt.want {
			t.Errorf("ID(%q) = %q, want %q", tt.tag, got, tt.want)
		}
	}
}

// schemes are the forms that properties draw from.
var schemes = []string{"release/{date}/{n}", "{n}/{date}-x", "r{n}", "{date}", "v{semver}", "a/{semver}/b"}

var date = rapid.StringMatching(`20(0[0-9]|1[0-9])-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])`)

func drawTag(t *rapid.T, s tag.Scheme) tag.Tag {
	var drawn tag.Tag
	if s.Has("date") {
		drawn.Date = date.Draw(t, "date")
	}
	if s.Has("n") {
		drawn.N = rapid.IntRange(1, 1000).Draw(t, "n")
	}
	if s.Has("semver") {
		drawn.Version = rapid.StringMatching(`(0|[1-9][0-9]?)\.(0|[1-9])\.(0|[1-9])(-(alpha|rc)(\.[1-9][0-9]?)?)?(\+b[0-9])?`).Draw(t, "version")
	}
	drawn.Name = s.Name(drawn)
	return drawn
}

func TestPrintedTagsParseToTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, err := tag.ParseScheme(rapid.SampledFrom(schemes).Draw(t, "scheme"))
		if err != nil {
			t.Fatal(err)
		}
		want := drawTag(t, s)
		if got, ok := s.Parse(want.Name); !ok || got != want {
			t.Fatalf("Parse(%q) = %+v, %v, want %+v", want.Name, got, ok, want)
		}
	})
}

func TestNextIsNewerThanAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, err := tag.ParseScheme(rapid.SampledFrom(schemes).Draw(t, "scheme"))
		if err != nil {
			t.Fatal(err)
		}
		var tags []tag.Tag
		var names []string
		for range rapid.IntRange(0, 8).Draw(t, "count") {
			drawn := drawTag(t, s)
			tags, names = append(tags, drawn), append(names, drawn.Name)
		}
		o := tag.NextOptions{Hotfix: rapid.Bool().Draw(t, "hotfix")}
		if s.Has("semver") && !o.Hotfix {
			o.Bump = rapid.SampledFrom([]string{"", "major", "minor", "patch"}).Draw(t, "bump")
		}
		if s.Has("semver") {
			o.Pre = rapid.SampledFrom([]string{"", "rc", "alpha", "z"}).Draw(t, "pre")
		}
		name, err := s.Next(names, date.Draw(t, "today"), o)
		if err != nil {
			if len(tags) == 0 && !o.Hotfix {
				t.Fatalf("no first tag: %v", err)
			}
			return
		}
		next, ok := s.Parse(name)
		if !ok {
			t.Fatalf("Next made %q, which is not of the scheme %s", name, s)
		}
		if o.Hotfix && slices.ContainsFunc(tags, func(old tag.Tag) bool { return !old.Prerelease() }) {
			tags = slices.DeleteFunc(tags, tag.Tag.Prerelease)
		}
		if slices.Contains(names, name) {
			t.Fatalf("Next made %q again", name)
		}
		for _, old := range tags {
			if s.Compare(next, old) <= 0 {
				t.Fatalf("Next made %q, which is not newer than %q", name, old.Name)
			}
		}
	})
}

func TestOrderIsTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, err := tag.ParseScheme(rapid.SampledFrom(schemes).Draw(t, "scheme"))
		if err != nil {
			t.Fatal(err)
		}
		a, b, c := drawTag(t, s), drawTag(t, s), drawTag(t, s)
		if ab, ba := s.Compare(a, b), s.Compare(b, a); ab != -ba || (ab == 0) != (a == b) {
			t.Fatalf("Compare(%v, %v) = %d, and %d the other way round", a, b, ab, ba)
		}
		if s.Compare(a, b) <= 0 && s.Compare(b, c) <= 0 && s.Compare(a, c) > 0 {
			t.Fatalf("%v <= %v <= %v, but not the first and the last", a, b, c)
		}
	})
}

func FuzzScheme(f *testing.F) {
	for _, s := range schemes {
		f.Add(s, "release/2015-06-10/1")
	}
	valid := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
	f.Fuzz(func(t *testing.T, text, name string) {
		if id := tag.ID(name, text); !valid.MatchString(id) || len(id) > 255 {
			t.Fatalf("ID(%q, %q) = %q", name, text, id)
		}
		s, err := tag.ParseScheme(text)
		if err != nil {
			return
		}
		if s.String() != text {
			t.Fatalf("%q became %q", text, s)
		}
		if parsed, ok := s.Parse(name); ok && s.Name(parsed) != name {
			t.Fatalf("%s: %q prints as %q", s, name, s.Name(parsed))
		}
	})
}
