package plan

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"shipit/lang"
	"shipit/lang/diag"
)

// A fileMove is a managed file that changes on a host.
type fileMove struct {
	step    Step
	change  Change
	restart bool
}

// mostDiffed bounds the text that is diffed, in bytes.
const mostDiffed = 1 << 20

// sensitive are the paths whose content must not be shown: what the
// definition says is, and what it does not know any more.
func (m *maker) sensitive(t *lang.Target, f *HostFacts) map[string]bool {
	secret := map[string]bool{}
	for path := range f.Files {
		secret[path] = true
	}
	for _, files := range f.Saved {
		for path := range files {
			secret[path] = true
		}
	}
	for _, file := range t.Files {
		secret[file.Path] = file.Sensitive
	}
	return secret
}

// managed are the files of the definition that differ on the host. It
// returns what it cannot judge as a problem.
func (m *maker) managed(v *move) (moves []fileMove, problem string) {
	for _, file := range v.t.Files {
		is := v.f.Files[file.Path]
		want := FileFact{
			Exists: true, SHA256: sum(file.Content), Content: file.Content, Mode: file.Mode,
			Owner: cmp.Or(file.Owner, v.f.Login), Group: file.Group,
		}
		if same(is, want) {
			continue // even if it could not be written
		}
		if is.Problem != "" {
			return nil, fmt.Sprintf("%s cannot be managed: %s (%s)", file.Path, clean(is.Problem), file.Range)
		}
		out := File{
			Path: file.Path, Owner: file.Owner, Group: file.Group, Mode: file.Mode,
			Root: needsRoot(file.Owner, v.f),
		}
		if file.Sensitive {
			out.Hash = m.hash.Hash(file.Content)
		} else {
			out.SHA256 = want.SHA256
			m.contents[want.SHA256] = file.Content
		}
		moves = append(moves, fileMove{
			step: Step{
				ID: "file:" + word(file.Path), Op: OpFile, At: file.Range.String(), File: &out,
				Text: fmt.Sprintf("write %s (%s)", file.Path, ownership(want)),
			},
			change:  m.fileChange(file.Path, is, want, file.Sensitive),
			restart: file.Restart,
		})
	}
	return moves, ""
}

// needsRoot tells whether writing a file of owner takes more than the login.
func needsRoot(owner string, f *HostFacts) bool {
	return owner != "" && owner != f.Login && f.UID != 0
}

// same tells whether a file is as wanted. Owners and groups that nobody asked
// for, or that the host did not say, do not count.
func same(is, want FileFact) bool {
	if !is.Exists || !want.Exists {
		return is.Exists == want.Exists
	}
	return is.SHA256 == want.SHA256 && mode(is.Mode) == mode(want.Mode) &&
		(want.Owner == "" || is.Owner == want.Owner) && (want.Group == "" || is.Group == want.Group)
}

// mode is m with four digits: stat says 644 for 0644.
func mode(m string) string {
	if m == "" || len(m) >= 4 {
		return m
	}
	return strings.Repeat("0", 4-len(m)) + m
}

// ownership is what ls says in front of a name.
func ownership(f FileFact) string {
	who := f.Owner
	if f.Group != "" {
		who += ":" + f.Group
	}
	return strings.TrimSpace(mode(f.Mode) + " " + who)
}

// fileChange says how a file will differ from what it is.
func (m *maker) fileChange(path string, is, want FileFact, sensitive bool) Change {
	c := Change{Mark: Update, Kind: "file", Name: path, Sensitive: sensitive}
	var text []string
	switch {
	case !want.Exists:
		c.Text = "removed: it was not there"
		return c
	case !is.Exists:
		c.Mark = Create
		text = append(text, "new", ownership(want))
	default:
		if a, b := mode(is.Mode), mode(want.Mode); a != b {
			text = append(text, "mode "+a+" -> "+b)
		}
		if want.Owner != "" && is.Owner != want.Owner {
			text = append(text, "owner "+clean(is.Owner)+" -> "+want.Owner)
		}
		if want.Group != "" && is.Group != want.Group {
			text = append(text, "group "+clean(is.Group)+" -> "+want.Group)
		}
	}
	if is.SHA256 != want.SHA256 || !is.Exists {
		switch {
		case sensitive && !is.Exists:
			text = append(text, "content not shown (sensitive)")
		case sensitive:
			text = append(text, "content changed (sensitive)")
		case !is.shown() || !want.shown():
			text = append(text, "content changed"+notShown(is, want))
		default:
			c.Diff = m.diff(is, want)
		}
	}
	c.Text = strings.Join(text, ", ")
	return c
}

// diff is the unified diff of two texts, without file headers.
func (m *maker) diff(is, want FileFact) string {
	key := [2]string{is.SHA256, want.SHA256}
	if d, ok := m.diffs[key]; ok {
		return d
	}
	d := udiff.Unified("", "", is.Content, want.Content)
	if i := strings.Index(d, "@@"); i > 0 {
		d = d[i:]
	}
	// Line by line: a carriage return in a file begins no line of the plan.
	var b strings.Builder
	for line := range strings.Lines(d) {
		b.WriteString(diag.CleanLine(strings.TrimSuffix(line, "\n")) + "\n")
	}
	m.diffs[key] = b.String()
	return m.diffs[key]
}

// shown tells whether a diff of f's content can be made and would tell a
// person anything.
func (f FileFact) shown() bool {
	known := !f.Exists || f.Content != "" || f.SHA256 == sum("")
	return known && !f.Big && len(f.Content) <= mostDiffed && isText(f.Content)
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// notShown says why there is no diff.
func notShown(is, want FileFact) string {
	switch {
	case !want.shown() && want.Content == "":
		return " (too large or not text)"
	case !isText(want.Content):
		return " (" + size(len(want.Content)) + ", not text)"
	case is.Exists && !is.shown():
		return " (now " + size(len(want.Content)) + "; what is there is too large or not text)"
	}
	return " (" + size(len(want.Content)) + ", too large to show)"
}

// size is n bytes for people.
func size(n int) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d KiB", (n+1023)/1024)
}

// word makes one word without white space of a path, for the id of a step.
func word(path string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "\t", "%09", "\n", "%0A", "\r", "%0D").Replace(path)
}

// clean makes one harmless line of what a host said.
func clean(s string) string { return diag.CleanLine(strings.TrimSpace(s)) }
