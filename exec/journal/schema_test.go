package journal_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shipit/exec/event"
	"shipit/exec/journal"
)

// fits tells whether a value is what a JSON Schema says, for the keywords that
// ours uses; another one fails the test.
func fits(t *testing.T, root, schema, v any) bool {
	t.Helper()
	if b, ok := schema.(bool); ok {
		return b
	}
	object, isObject := v.(map[string]any)
	text, isText := v.(string)
	list, _ := v.([]any)
	for word, want := range schema.(map[string]any) {
		ok := true
		switch word {
		case "$schema", "title", "$defs", "format":
		case "$ref":
			name := strings.TrimPrefix(want.(string), "#/$defs/")
			ok = fits(t, root, root.(map[string]any)["$defs"].(map[string]any)[name], v)
		case "type":
			ok = kindOf(v) == want
		case "const":
			ok = v == want
		case "enum":
			ok = slices.Contains(want.([]any), v)
		case "pattern":
			ok = regexp.MustCompile(want.(string)).MatchString(text) || !isText
		case "minLength":
			ok = !isText || float64(len(text)) >= want.(float64)
		case "not":
			ok = !fits(t, root, want, v)
		case "required":
			for _, name := range want.([]any) {
				_, there := object[name.(string)]
				ok = ok && there
			}
		case "properties":
			for name, s := range want.(map[string]any) {
				if field, there := object[name]; isObject && there {
					ok = ok && fits(t, root, s, field)
				}
			}
		case "items":
			for _, item := range list {
				ok = ok && fits(t, root, want, item)
			}
		case "oneOf", "anyOf":
			n := 0
			for _, s := range want.([]any) {
				if fits(t, root, s, v) {
					n++
				}
			}
			ok = n == 1 || word == "anyOf" && n > 0
		default:
			t.Fatalf("this test does not know the keyword %s", word)
		}
		if !ok {
			return false
		}
	}
	return true
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "other"
}

// valid tells whether a line is what `shipit schema --events` says.
func valid(t *testing.T, line []byte) bool {
	t.Helper()
	text, err := json.Marshal(event.JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	var schema, v any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &v); err != nil {
		t.Fatal(err)
	}
	return fits(t, schema, schema, v)
}

func TestEveryLineOfAJournalFitsTheSchema(t *testing.T) {
	t.Parallel()
	j, err := journal.Create(t.TempDir(), "r1", header())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	now := time.Now().UTC()
	for i, typ := range event.Types() {
		e := event.Event{
			Seq: int64(i + 1), Time: now, Run: "r1", Type: typ, Host: "web1", Phase: event.Switch, Step: "restart", Steps: []string{"restart"},
			Batch: "all", Slice: 1, Text: "so it is", Detail: []string{"it says"}, At: "hello.hcl:1", Cause: event.Failed, Answer: event.No, By: "ann",
			Choice: "stop", Choices: []string{"go", "stop"}, Safe: "stop", Until: now, Intent: 7, Plan: "sha256:0", Outcome: event.Mixed,
		}
		if i%2 == 0 {
			e = event.Event{Seq: e.Seq, Time: now, Run: "r1", Type: typ, Text: "so it is"}
		}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(append(data, event.Header("0.4.0")...)) {
		if n++; !valid(t, line) {
			t.Errorf("it does not fit: %s", line)
		}
	}
	if n != len(event.Types())+2 {
		t.Errorf("%d lines", n)
	}
}

// TestMinorVersionsOnlyAdd: what a later minor version writes is read and fits;
// another major version does neither.
func TestMinorVersionsOnlyAdd(t *testing.T) {
	t.Parallel()
	const newer = `{"seq":1,"time":"2027-01-01T00:00:00Z","run":"r1","type":"moon.rose","cause":"tide","phase":"wane","text":"it rose","full":true}`
	if _, err := event.Decode([]byte(newer)); err != nil || !valid(t, []byte(newer)) {
		t.Errorf("a line of a newer minor version: %v", err)
	}
	for line, ok := range map[string]bool{
		`{"type":"version","format":"1.7","shipit":"9","more":[]}`:                                     true,
		`{"type":"version","format":"2.0","shipit":"9"}`:                                               false,
		`{"type":"error","exit_code":3,"message":"it is locked"}`:                                      true,
		`{"type":"error","message":"it is locked"}`:                                                    false,
		`{"seq":"1","time":"2027-01-01T00:00:00Z","run":"r1","type":"note","text":"x"}`:                false,
		`{"seq":1,"time":"2027-01-01T00:00:00Z","run":"r1","type":"note"}`:                             false,
		`{"seq":1,"time":"2027-01-01T00:00:00Z","run":"r1","type":"note","text":"x","detail":"x"}`:     false,
		`{"seq":1,"time":"2027-01-01T00:00:00Z","run":"r1","type":"note","text":"x","detail":["y",1]}`: false,
		`{}`: false,
	} {
		if valid(t, []byte(line)) != ok {
			t.Errorf("want %v: %s", ok, line)
		}
	}
	for format, ok := range map[string]bool{event.Schema: true, "1.99": true, "2.0": false, "0.9": false, "": false} {
		if (event.Readable(format) == nil) != ok {
			t.Errorf("format %q: %v", format, event.Readable(format))
		}
	}
}
