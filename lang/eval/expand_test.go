package eval

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipit/lang/diag"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"web":                       "web",
		"rb10[01-03].x":             "rb1001.x rb1002.x rb1003.x",
		"web[8-11]":                 "web8 web9 web10 web11",
		"web[08-11]":                "web08 web09 web10 web11",
		"web[1,3,5-7]":              "web1 web3 web5 web6 web7",
		"rack[a-c][1-2]":            "racka1 racka2 rackb1 rackb2 rackc1 rackc2",
		"[eqiad,codfw].[1-2].x":     "eqiad.1.x eqiad.2.x codfw.1.x codfw.2.x",
		"web[1, 2]":                 "web1 web2",
		"r[Y-b]":                    "rY rZ ra rb",
		"db[1-1]":                   "db1",
		"x[0-2]":                    "x0 x1 x2",
		"restbase[1001-1002].eqiad": "restbase1001.eqiad restbase1002.eqiad",
	} {
		got, err := Expand(pattern)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("Expand(%q) = %q, %v, want %q", pattern, got, err, want)
		}
	}
}

func TestExpandRefusesWhatIsNoPattern(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"web[1-2": "without a \"]\"", "web1]": "without a \"[\"", "web[]": "needs numbers", "web[1,]": "needs numbers",
		"web[3-1]": "runs backwards", "web[c-a]": "runs backwards", "web[01-100]": "equally wide", "web[1-z]": "not between",
		"web[1-99999]": "more than", "[1-200][1-200]": "more than", "web[1-99999999999999999999]": "not between", "web[[1-2]]": "not between",
	} {
		if got, err := Expand(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Expand(%q) = %q, %v, want an error with %q", pattern, got, err, want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for names, want := range map[string]string{
		"":                                       "",
		"rb1002.eqiad rb1001.eqiad rb1003.eqiad": "rb10[01-03].eqiad",
		"rb1009.x rb1010.x rb1011.x rb1016.x":    "rb10[09-11,16].x",
		"rb1099 rb1100 rb1101":                   "rb1[099-101]",
		"rb999 rb1000":                           "rb[999,1000]",
		"rb0099 rb0100":                          "rb0[099,100]",
		"web100 web101 web102":                   "web1[00-02]",
		"web10 web11":                            "web[10,11]",
		"web01 web02 web04":                      "web[01,02,04]",
		"web9 web10 web11 web1":                  "web[1,9-11]",
		"web08 web09 web10":                      "web[08-10]",
		"web1 db":                                "db, web1",
		"web1 web1":                              "web1",
		"web01 web1 web2":                        "web[1,2], web01",
		"a1.b1 a1.b2 a2.b1 a2.b2":                "a[1,2].b1, a[1,2].b2",
		"a.1.x a.2.x b.1.x":                      "a.[1,2].x, b.1.x",
		"rb1001.dc1.x rb1002.dc1.x rb1003.dc1.x": "rb10[01-03].dc1.x",
		"n1-eqiad.x n1-eqiad2.x n1-eqiad3.x n1-db.x": "n1-db.x, n1-eqiad.x, n1-eqiad[2,3].x",
	} {
		got := diag.Fold(strings.Fields(names))
		// The order of patterns is that of their first names.
		if a, b := strings.Split(got, ", "), strings.Split(want, ", "); !cmp.Equal(sorted(a), sorted(b)) {
			t.Errorf("diag.Fold(%s) = %s, want %s", names, got, want)
		}
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestFoldedNamesExpandToTheSameNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(rapid.Custom(func(t *rapid.T) string {
			return rapid.StringMatching(`(web|db|a)?[0-9]{0,4}(\.(x|dc[1-3]))?`).Draw(t, "name") + fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "n"))
		})).Draw(t, "names")
		var back []string
		for _, pattern := range diag.FoldList(names) {
			expanded, err := Expand(pattern)
			if err != nil {
				t.Fatalf("%s: %v", pattern, err)
			}
			back = append(back, expanded...)
		}
		want := sorted(names)
		want = slices.Compact(want)
		if diff := cmp.Diff(want, sorted(back)); diff != "" && len(want) > 0 {
			t.Fatalf("%q folds to %q:\n%s", names, diag.FoldList(names), diff)
		}
	})
}

// What was written as one pattern is shown as one pattern, its names in their
// order.
func TestAPatternFoldsBackToOnePattern(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 6).Draw(t, "width")
		limit := 1
		for range width {
			limit *= 10
		}
		from := rapid.IntRange(0, limit-2).Draw(t, "from")
		to := min(limit-1, from+rapid.IntRange(1, 300).Draw(t, "more"))
		names, err := Expand(fmt.Sprintf("rb[%0*d-%0*d].x", width, from, width, to))
		if err != nil {
			t.Fatal(err)
		}
		folded := diag.FoldList(names)
		if len(folded) != 1 {
			t.Fatalf("%d names fold to %q", len(names), folded)
		}
		back, err := Expand(folded[0])
		if diff := cmp.Diff(names, back); err != nil || diff != "" {
			t.Fatalf("%s: %v\n%s", folded[0], err, diff)
		}
	})
}

func TestNaturalOrder(t *testing.T) {
	t.Parallel()
	names := []string{"web10", "web9", "web1.b", "web1.a", "db", "web01", "web1"}
	slices.SortFunc(names, diag.CompareNatural)
	if got := strings.Join(names, " "); got != "db web01 web1 web1.a web1.b web9 web10" {
		t.Error(got)
	}
}
