package lang

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A JSONPath names one value of a JSON document: .version, .items[0].name,
// ."a key with blanks". Each element is a string (a key) or an int (an index
// from 0).
type JSONPath []any

var jsonStep = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\.("(?:[^"\\]|\\.)*")|\[([0-9]{1,6})\])`)

// ParseJSONPath reads a JSONPath.
func ParseJSONPath(s string) (JSONPath, error) {
	var path JSONPath
	for rest := s; rest != "" || path == nil; {
		m := jsonStep.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("a path is like .version, .items[0].name or .\"a key\", not %q", s)
		}
		switch {
		case m[1] != "":
			path = append(path, m[1])
		case m[2] != "":
			var key string
			if err := json.Unmarshal([]byte(m[2]), &key); err != nil || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' }) {
				return nil, fmt.Errorf("%s is no key of a JSON object on one line", m[2])
			}
			path = append(path, key)
		default:
			n, err := strconv.Atoi(m[3])
			if err != nil {
				return nil, fmt.Errorf("%q is no index: %w", m[3], err)
			}
			path = append(path, n)
		}
		rest = rest[len(m[0]):]
	}
	return path, nil
}
