package tag

import "strings"

// safe are the characters that mean nothing special to git, to a shell or to
// a file system.
const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"

// maxID bounds what ID takes of a tag: a file name has at most 255 bytes.
const maxID = 200

// ID names a release's directory on a host: the tag with / as -, and twelve
// digits of the commit, so that a moved tag never meets an old directory. It
// begins with a letter or digit and has only letters, digits and . _ + -,
// whatever tag is.
func ID(tag, commit string) string {
	if len(tag) > maxID {
		tag = tag[:maxID]
	}
	if len(commit) > 12 {
		commit = commit[:12]
	}
	id := strings.Map(func(r rune) rune {
		if strings.ContainsRune(safe, r) {
			return r
		}
		return '-'
	}, tag+"-"+commit)
	if strings.ContainsRune("._+-", rune(id[0])) {
		return "r" + id
	}
	return id
}

// refProblem tells why git (or we) refuse a tag of this name, as git
// check-ref-format has the rules; "" means that it is fine.
func refProblem(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case strings.HasPrefix(name, "-"):
		return "it begins with -, as options do"
	case name == "HEAD" || name == "@":
		return "the name has a meaning of its own"
	case strings.Contains(name, ".."):
		return "it has two dots in a row"
	case strings.Contains(name, "@{"):
		return "it has @{"
	case strings.HasSuffix(name, "."):
		return "it ends with a dot"
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) {
			return "it has a space, a control character or one of ~ ^ : ? * [ \\"
		}
	}
	for component := range strings.SplitSeq(name, "/") {
		switch {
		case component == "":
			return "a / stands at its end or beside another"
		case strings.HasPrefix(component, "."):
			return "a part of it begins with a dot"
		case strings.HasSuffix(component, ".lock"):
			return "a part of it ends with .lock"
		}
	}
	return ""
}
