package exec

import (
	"regexp"
	"slices"
	"strings"

	"shipit/lang"
)

// A SudoRule is a command that the login must be allowed to run as somebody
// else.
type SudoRule struct {
	As    string // the user that the command runs as
	Argv  []string
	Regex string // where not empty, what the arguments must match instead of being Argv[1:]
}

// SudoRules are what runs of a definition ask sudo for on a host where login
// logs in: those that a plan asks about, and what a rollback takes besides.
// Nobody needs a rule for becoming himself, and root needs none at all.
func SudoRules(q Question, restart lang.Restart, login string) []SudoRule {
	var rules []SudoRule
	add := func(r SudoRule) {
		same := func(o SudoRule) bool { return o.As == r.As && o.Regex == r.Regex && slices.Equal(o.Argv, r.Argv) }
		if r.As != login && login != "root" && !slices.ContainsFunc(rules, same) {
			rules = append(rules, r)
		}
	}
	for _, args := range q.Sudo {
		as := "root"
		if owner, ok := strings.CutPrefix(args[0], ownedBy); ok && owner == login {
			continue
		}
		if args[0] == "-u" {
			as = args[1]
		}
		add(SudoRule{As: as, Argv: args[slices.Index(args, "--")+1:]})
	}
	for _, f := range q.Files {
		if f.Root && f.Owner != login {
			add(SudoRule{As: "root", Argv: []string{"cat", "--", f.Path}})      // to compare and to save it
			add(SudoRule{As: "root", Argv: []string{"rm", "-f", "--", f.Path}}) // to undo that it is there
		}
	}
	if q.User != "" && restart.Kind == "signal" && restart.Text("pid_file") != "" {
		sig := restart.Text("signal")
		add(SudoRule{As: q.User, Argv: []string{"kill"}, Regex: "^-s " + regexp.QuoteMeta(sig) + " [0-9]+$"})
	}
	return rules
}

// Line is the rule as sudoers(5) has it, for login, where the program is the
// file at path.
func (r SudoRule) Line(login, path string) string {
	line := sudoWord(login) + " ALL=(" + sudoWord(r.As) + ") NOPASSWD: " + sudoWord(path)
	switch {
	case r.Regex != "":
		return line + " " + r.Regex
	case len(r.Argv) == 1:
		return line + ` ""` // without it, any arguments would do
	}
	for _, a := range r.Argv[1:] {
		line += " " + sudoWord(a)
	}
	return line
}

// sudoWord writes a word so that it stands for itself: sudo compares arguments
// as patterns, and separates rules at commas.
func sudoWord(s string) string {
	if s == "" {
		return `""`
	}
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\,:=!*?[]()\"' \t#^$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
