package lang

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Pattern is an extended regular expression of POSIX that means the same to
// grep -E on a host and to Go on the deployer. What one of them reads in its
// own way is refused: classes like \d, back references, a backslash inside
// brackets. It is matched against lines, byte by byte.
type Pattern struct {
	posix string
	re    *regexp.Regexp
}

// mostRepeat is the largest repetition that every grep takes.
const mostRepeat = 255

var (
	repetition = regexp.MustCompile(`^\{([0-9]{1,4})(,([0-9]{0,4}))?\}`)
	classes    = []string{"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"}
)

// ParsePattern reads a Pattern.
func ParsePattern(s string) (*Pattern, error) {
	if s == "" {
		return nil, errors.New("an empty pattern matches everything")
	}
	var out strings.Builder
	atom := false // something stands before that can be repeated
	fresh := true // nothing of this alternative stands before
	for i := 0; i < len(s); {
		c, n := s[i], 1
		switch {
		case c < ' ' || c == 0x7f:
			return nil, fmt.Errorf("a pattern is matched against single lines and has no control characters: %q", s)
		case c == '\\':
			text, err := escaped(s[i:])
			if err != nil {
				return nil, err
			}
			out.WriteString(text)
			i, atom, fresh = i+2, true, false
			continue
		case c == '[':
			length, err := bracket(s[i:])
			if err != nil {
				return nil, err
			}
			n, atom, fresh = length, true, false
		case strings.IndexByte("*+?{", c) >= 0:
			if !atom {
				return nil, fmt.Errorf("nothing stands before the %q in %q that it could repeat; a %q of the text is written \\%c", c, s, c, c)
			}
			if c == '{' {
				length, err := repeat(s[i:])
				if err != nil {
					return nil, err
				}
				n = length
			}
			atom = false
		case c == '(':
			atom, fresh = false, true
		case c == '|' || c == ')':
			if fresh {
				return nil, fmt.Errorf("nothing stands before the %q in %q", c, s)
			}
			atom, fresh = c == ')', c == '|'
		case c == '^' || c == '$':
			atom, fresh = false, false
		default:
			atom, fresh = true, false
		}
		out.WriteString(s[i : i+n])
		i += n
	}
	if fresh {
		return nil, fmt.Errorf("%q ends where something must follow", s)
	}
	p := &Pattern{posix: out.String()}
	var err error
	if p.re, err = regexp.CompilePOSIX(latin1(p.posix)); err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %s", s, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return p, nil
}

// escaped is the character behind a backslash as both sides read it.
func escaped(s string) (string, error) {
	if len(s) < 2 {
		return "", errors.New("a pattern cannot end with a backslash")
	}
	c := s[1]
	switch {
	case strings.IndexByte(`.[\()*+?{|^$`, c) >= 0:
		return s[:2], nil
	case c > ' ' && c < 0x7f && !alnum(c):
		return s[1:2], nil // it stands for itself, and some greps ask why there is a backslash
	}
	help := ""
	if class, ok := map[byte]string{'d': "[0-9]", 'w': "[[:alnum:]_]", 's': "[[:space:]]", 'D': "[^0-9]", 'S': "[^[:space:]]", 'W': "[^[:alnum:]_]"}[c]; ok {
		help = "; write " + class
	}
	return "", fmt.Errorf("\\%c does not mean the same everywhere%s", c, help)
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// bracket is the length of the bracket expression that s begins with.
func bracket(s string) (int, error) {
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		i++
	}
	for first := true; i < len(s); first = false {
		switch {
		case s[i] == ']' && !first:
			return i + 1, nil
		case s[i] == '\\':
			return 0, errors.New("a backslash inside […] does not mean the same everywhere; a \"]\" goes first there, a \"-\" last, and a backslash outside")
		case strings.HasPrefix(s[i:], "[:"):
			name, _, ok := strings.Cut(s[i+2:], ":]")
			if !ok || !slices.Contains(classes, name) {
				return 0, fmt.Errorf("there is no such class of characters: %q", s[i:])
			}
			i += len(name) + 4
		case strings.HasPrefix(s[i:], "[.") || strings.HasPrefix(s[i:], "[="):
			return 0, fmt.Errorf("%q does not mean the same everywhere", s[i:i+2])
		default:
			i++
		}
	}
	return 0, fmt.Errorf("a \"[\" has no \"]\": %q", s)
}

// repeat is the length of the {n,m} that s begins with.
func repeat(s string) (int, error) {
	m := repetition.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("a repetition is {n}, {n,} or {n,m}, and a \"{\" of the text is written \\{: %q", s)
	}
	least, _ := strconv.Atoi(m[1])
	most := least
	if m[3] != "" {
		most, _ = strconv.Atoi(m[3])
	}
	if most < least || max(least, most) > mostRepeat {
		return 0, fmt.Errorf("a repetition goes up to %d, from the smaller to the larger: %s", mostRepeat, m[0])
	}
	return len(m[0]), nil
}

// latin1 makes a character of every byte, so that bytes are compared, as the
// locale C of the hosts' scripts does.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// POSIX is p for grep -E.
func (p *Pattern) POSIX() string { return p.posix }

// Line is the first line of text that p matches.
func (p *Pattern) Line(text string) (line string, ok bool) {
	if text == "" {
		return "", false
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if p.re.MatchString(latin1(line)) {
			return line, true
		}
	}
	return "", false
}
