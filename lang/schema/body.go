package schema

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// NoticeWords are what {braces} in the template of a webhook may name.
var NoticeWords = []string{
	"service", "environment", "release", "kind", "by", "moment", "text", "run", "outcome", "type", "seq", "time", "unix_ms",
}

var braced = regexp.MustCompile(`\{[a-z_]+\}`)

// FillBody puts values in the place of the {words} of a template, as they
// stand in a string of JSON. JSON's own braces are never followed by a letter.
func FillBody(template string, value func(word string) string) string {
	return braced.ReplaceAllStringFunc(template, func(word string) string {
		quoted, err := json.Marshal(value(word[1 : len(word)-1]))
		if err != nil {
			panic("internal error: " + err.Error()) // strings always encode
		}
		return string(quoted[1 : len(quoted)-1])
	})
}

// checkBody says what is wrong with a template, "" where nothing is.
func checkBody(text string) string {
	unknown := ""
	filled := FillBody(text, func(word string) string {
		if !slices.Contains(NoticeWords, word) {
			unknown = word
		}
		return "1"
	})
	switch {
	case unknown != "":
		return "a template without {" + unknown + "}: there are {" + strings.Join(NoticeWords, "}, {") + "}"
	case !json.Valid([]byte(filled)):
		return `JSON once each {word} is filled in, like "{\"message\": \"{text}\"}"`
	}
	return ""
}
