package schema

import (
	"regexp"
	"strings"
)

// A Form is what the text of an attribute or label must look like. Every
// form forbids a leading "-" (it would be read as an option by the program
// that gets it), control characters and NUL.
type Form string

// The forms.
const (
	AnyText     Form = ""      // no rule: content of files, descriptions, scripts
	Line        Form = "line"  // one line
	Plain       Form = "plain" // one line, not empty, no leading "-"
	Name        Form = "name"  // of a service, batch, check, variable
	Ident       Form = "ident" // an HCL identifier, so that it can be referred to
	HostName    Form = "host"
	UserName    Form = "user"
	UnitName    Form = "unit"
	ServiceName Form = "init" // of a SysV service
	SignalName  Form = "signal"
	PathName    Form = "path" // absolute, or relative to the login's home, without ".."
	BelowPath   Form = "below"
	URL         Form = "url"
	Artifact    Form = "artifact" // a URL without a login
	Digest      Form = "digest"   // SHA-256
	Dialled     Form = "dialled"  // host:port
	Channel     Form = "channel"  // of IRC
	Mail        Form = "mail"     // an address
	TagScheme   Form = "scheme"
	Hours       Form = "hours"
	Zone        Form = "zone"   // of time
	Jump        Form = "jump"   // [user@]host[:port]
	Header      Form = "header" // the name of an HTTP header
	Body        Form = "body"   // JSON with {words} of a notice
)

type rule struct {
	pattern *regexp.Regexp
	want    string
}

var rules = map[Form]rule{
	Name:        {regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$`), "letters, digits, \"_\", \"-\" and \".\", at most 63, not beginning with \"-\" or \".\""},
	Ident:       {regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`), "letters, digits, \"_\" and \"-\", at most 63, beginning with a letter"},
	HostName:    {regexp.MustCompile(`^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}$`), "letters, digits, \".\", \"-\", \"_\" and \":\" (of an IPv6 address), not beginning with \"-\""},
	UserName:    {regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$`), "letters, digits, \"_\", \"-\" and \".\", beginning with a letter or \"_\""},
	UnitName:    {regexp.MustCompile(`^[A-Za-z0-9_:@\\][A-Za-z0-9_:.@\\-]{0,250}$`), "letters, digits and any of \":_.@\\-\", not beginning with \"-\""},
	ServiceName: {regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,120}$`), "letters, digits and any of \"_.@+-\", not beginning with \"-\""},
	SignalName:  {regexp.MustCompile(`^[A-Z][A-Z0-9+]{1,9}$`), "a signal without SIG, like \"HUP\" or \"USR2\""},
	URL:         {regexp.MustCompile(`^https?://[^\s/]+`), "a URL that begins with http:// or https://"},
	Artifact:    {regexp.MustCompile(`^https?://[^\s/@]+/[^\s]*$`), "a URL that begins with http:// or https://, names a file, and has no user or password"},
	Digest:      {regexp.MustCompile(`^[0-9a-f]{64}$`), "64 digits of a SHA-256, 0-9 and a-f"},
	Header:      {regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"), "the name of a header, without a colon"},
	Dialled:     {regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$`), "a host and a port, like \"localhost:25\""},
	Channel:     {regexp.MustCompile(`^[#&+!][^\s,:]{1,49}$`), "the name of a channel, like \"#operations\""},
	Mail:        {regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`), "an address like \"team@example.org\""},
	Hours:       {regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`), "two times of the day, like \"09:00-17:00\""},
	Zone:        {regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`), "the name of a time zone, like \"Europe/Amsterdam\" or \"UTC\""},
	Jump:        {regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*$`), "[user@]host[:port]"},
}

// Check says why text has not the form f, as what it must look like; ""
// where it has.
func (f Form) Check(text string) string {
	if f == AnyText {
		if strings.ContainsRune(text, 0) {
			return "text without NUL characters"
		}
		return ""
	}
	if f == Body {
		return checkBody(text)
	}
	for _, r := range text {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return "text without control characters, on one line"
		}
	}
	if r, ok := rules[f]; ok {
		if !r.pattern.MatchString(text) {
			return r.want
		}
		return ""
	}
	switch f {
	case Line:
		return ""
	case Plain, PathName, BelowPath, TagScheme:
		if text == "" {
			return "something: it is empty"
		}
		if strings.HasPrefix(text, "-") {
			return "text that does not begin with \"-\""
		}
		if f == TagScheme || f == Plain {
			return ""
		}
		for part := range strings.SplitSeq(text, "/") {
			if part == ".." {
				return "a path without \"..\""
			}
		}
		if text == "/" {
			return "a path below \"/\""
		}
		if f == BelowPath && strings.HasPrefix(text, "/") {
			return "a relative path"
		}
		if strings.HasPrefix(text, "~") {
			return "an absolute path, or one relative to the login's home without \"~\""
		}
	}
	return ""
}
