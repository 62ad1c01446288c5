package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shipit/exec/event"
)

// TestEveryTypeAndFieldIsDocumented holds docs/events.md to the vocabulary.
func TestEveryTypeAndFieldIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	fields := reflect.TypeFor[event.Event]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		words = append(words, name)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	consts := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			words, consts = append(words, word), consts+1
		}
		return true
	})
	types := 0
	for _, typ := range event.Types() {
		if slices.Contains(words, string(typ)) {
			types++
		}
	}
	if inFile := len(regexp.MustCompile(`(?m)^\t\w+ +Type += "`).FindAll(source(t), -1)); types != len(event.Types()) || types != inFile {
		t.Errorf("event.Types has %d types, event.go %d", len(event.Types()), inFile)
	}
	if consts < 30 {
		t.Fatalf("only %d words were read from event.go", consts)
	}
	for _, word := range words {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("docs/events.md says nothing of %s", word)
		}
	}
}

func source(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("event.go")
	if err != nil {
		t.Fatal(err)
	}
	return data
}
