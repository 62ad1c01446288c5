package release

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Signers are who may sign the tags of a service: the text of a file as
// ssh-keygen reads it (ALLOWED SIGNERS in its manual), looked at line by line.
type Signers struct {
	Name  string // of the file, as messages name it
	text  []byte
	lines []signer
}

// A signer is one line: a key, whose it is, and when it counts.
type signer struct {
	who           string // principals, as written
	key           string // "SHA256:…"
	after, before time.Time
}

// ParseSigners reads a file of allowed signers. It refuses what ssh-keygen
// would stumble over, because then it trusts nobody below that line.
func ParseSigners(name string, text []byte) (Signers, error) {
	s := Signers{Name: name, text: text}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one, why := parseSigner(line)
		if why != "" {
			return Signers{}, fmt.Errorf("line %d: %s", number, why)
		}
		s.lines = append(s.lines, one)
	}
	if len(s.lines) == 0 {
		return Signers{}, errors.New("nobody stands in it")
	}
	return s, nil
}

// parseSigner reads "ada@example.org [options] ssh-ed25519 AAAA… [comment]".
func parseSigner(line string) (signer, string) {
	who, rest, ok := cutWord(line)
	if !ok {
		return signer{}, "a quote is not closed"
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	switch {
	case strings.HasPrefix(who, "ssh-") || strings.HasPrefix(who, "ecdsa-") || strings.HasPrefix(who, "sk-"):
		return signer{}, "whose key it is does not stand before it, like ada@example.org"
	case err != nil:
		return signer{}, "after the name no public key follows, like ssh-ed25519 AAAA…"
	}
	s := signer{who: strings.Trim(who, `"`), key: ssh.FingerprintSHA256(key)}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		var bad error
		switch strings.ToLower(name) {
		case "cert-authority":
		case "namespaces":
			if !matchesAny(value, "git") {
				return signer{}, fmt.Sprintf("the key is for the namespaces %q and not for git, so it signs no tag", value)
			}
		case "valid-after":
			s.after, bad = parseValidity(value)
		case "valid-before":
			s.before, bad = parseValidity(value)
		default:
			return signer{}, fmt.Sprintf("there is no option %q; there are cert-authority, namespaces, valid-after and valid-before", name)
		}
		if bad != nil {
			return signer{}, fmt.Sprintf("%s %q is no time; write it like 20150610Z or 201506101230Z", name, value)
		}
	}
	if !s.after.IsZero() && !s.before.IsZero() && !s.after.Before(s.before) {
		return signer{}, "the key is never valid: valid-after is not before valid-before"
	}
	return s, ""
}

// cutWord takes the first word of a line, which may be quoted.
func cutWord(line string) (word, rest string, ok bool) {
	end := strings.IndexAny(line, " \t")
	if strings.HasPrefix(line, `"`) {
		if end = strings.Index(line[1:], `"`) + 2; end == 1 {
			return "", "", false
		}
	}
	if end < 0 {
		return line, "", true
	}
	return line[:end], strings.TrimSpace(line[end:]), true
}

// matchesAny tells whether one of the patterns, parted by commas, may fit the
// word: all that we need to know of a pattern is whether it can.
func matchesAny(patterns, word string) bool {
	for p := range strings.SplitSeq(patterns, ",") {
		if p == word || strings.ContainsAny(p, "*?") {
			return true
		}
	}
	return false
}

// parseValidity reads the times of ssh-keygen; those without a zone are UTC,
// since Verify has it run there.
func parseValidity(text string) (time.Time, error) {
	text = strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(text) == len(layout) {
			return time.Parse(layout, text)
		}
	}
	return time.Time{}, fmt.Errorf("%d digits", len(text))
}
