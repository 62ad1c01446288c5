package diag

import (
	"fmt"
	"strings"
)

// github writes workflow commands, the most severe first because GitHub shows
// only ten of a kind, and then the same in plain words for the log.
func github(r Report) ([]byte, error) {
	var b strings.Builder
	list := r.severest()
	for _, d := range list {
		at := r.place(d)
		properties := []string{"file=" + property(at.File), fmt.Sprintf("line=%d", at.Start.Line), fmt.Sprintf("endLine=%d", max(at.End.Line, at.Start.Line))}
		if at.End.Line == at.Start.Line { // columns are refused otherwise
			from, to := r.column(at.File, at.Start), r.column(at.File, at.End)
			// GitHub's last column is inside.
			properties = append(properties, fmt.Sprintf("col=%d", from), fmt.Sprintf("endColumn=%d", max(to-1, from)))
		}
		properties = append(properties, "title="+property(d.Code+": "+CleanLine(d.Summary)))
		fmt.Fprintf(&b, "::%s %s::%s\n", d.Severity, strings.Join(properties, ","), data(message(d)))
	}
	for _, d := range list {
		at := r.place(d)
		b.WriteString(plain(fmt.Sprintf("%s %s %s:%d:%d: %s", d.Severity, d.Code, at.File, at.Start.Line, r.column(at.File, at.Start), d.Summary)) + "\n")
	}
	errors, warnings := r.List.Sorted().Count()
	fmt.Fprintf(&b, "%s, %s.\n", plural(errors, "error"), plural(warnings, "warning"))
	return []byte(b.String()), nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// data escapes the text of a command, so that it ends where it ends.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property escapes the value of a property of a command.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}

// plain is a line of a log that no runner takes for a command: neither
// "::set-env" at its beginning nor the older "##[set-env]" anywhere.
func plain(s string) string {
	s = strings.ReplaceAll(CleanLine(s), "##[", "## [")
	if strings.HasPrefix(strings.TrimLeft(s, " \t"), "::") {
		s = "\\" + s
	}
	return s
}
