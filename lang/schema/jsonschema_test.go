package schema_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"shipit/lang/schema"
)

// jsonSchema is the schema as a reader of the output gets it.
func jsonSchema(t *testing.T) map[string]any {
	t.Helper()
	data, err := json.Marshal(schema.JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestJSONSchemaIsWellFormed holds every part of the schema to what the
// specification says of the keywords that are used.
func TestJSONSchemaIsWellFormed(t *testing.T) {
	t.Parallel()
	root := jsonSchema(t)
	if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Error("the dialect is not declared")
	}
	parts := 0
	var walk func(path string, v any)
	each := func(path string, v any) {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			t.Errorf("%s is not a list of schemas", path)
		}
		for i, e := range list {
			walk(fmt.Sprint(path, "/", i), e)
		}
	}
	named := func(path string, v any) {
		object, ok := v.(map[string]any)
		if !ok {
			t.Errorf("%s is no object", path)
		}
		for name, e := range object {
			walk(path+"/"+name, e)
		}
	}
	walk = func(path string, v any) {
		parts++
		s, ok := v.(map[string]any)
		if _, isBool := v.(bool); !ok && !isBool {
			t.Fatalf("%s is no schema: %v", path, v)
		}
		for word, v := range s {
			at := path + "/" + word
			switch word {
			case "$schema", "title", "description", "$comment":
				if text, ok := v.(string); !ok || text == "" {
					t.Errorf("%s is no text", at)
				}
			case "type":
				if !slices.Contains([]any{"object", "array", "string", "integer", "number", "boolean"}, v) {
					t.Errorf("%s: %v", at, v)
				}
			case "pattern":
				if _, err := regexp.Compile(v.(string)); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			case "properties", "$defs":
				named(at, v)
			case "additionalProperties", "items", "propertyNames", "not":
				walk(at, v)
			case "anyOf", "oneOf", "allOf":
				each(at, v)
			case "required":
				names := v.([]any)
				for i, n := range names {
					if _, ok := n.(string); !ok || slices.Contains(names[:i], n) {
						t.Errorf("%s: %v", at, names)
					}
				}
			case "enum":
				if len(v.([]any)) == 0 {
					t.Errorf("%s is empty", at)
				}
			case "minimum", "maximum", "minItems", "minProperties", "maxProperties":
				if n, ok := v.(float64); !ok || n != math.Trunc(n) {
					t.Errorf("%s: %v", at, v)
				}
			case "$ref":
				name := strings.TrimPrefix(v.(string), "#/$defs/")
				if _, ok := root["$defs"].(map[string]any)[name]; !ok {
					t.Errorf("%s leads nowhere: %v", at, v)
				}
			default:
				t.Errorf("%s: the keyword is not checked here", at)
			}
		}
	}
	walk("", root)
	if parts < 200 {
		t.Errorf("only %d parts", parts)
	}
}

// problem says why v does not fit the schema s, "" where it does.
func problem(root, s map[string]any, path string, v any) string {
	if ref, ok := s["$ref"].(string); ok {
		return problem(root, root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), path, v)
	}
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	_, isBool := v.(bool)
	fits := map[string]bool{"object": isObject, "array": isList, "string": isText, "boolean": isBool, "number": isNumber, "integer": isNumber && number == math.Trunc(number)}
	if want, ok := s["type"].(string); ok && !fits[want] {
		return fmt.Sprintf("%s: %v is no %s", path, v, want)
	}
	properties, _ := s["properties"].(map[string]any)
	for name, e := range object {
		if names, ok := s["propertyNames"].(map[string]any); ok {
			if why := problem(root, names, path+"/"+name, name); why != "" {
				return why
			}
		}
		sub, ok := properties[name].(map[string]any)
		if !ok {
			if s["additionalProperties"] == false {
				return fmt.Sprintf("%s: there is no %q", path, name)
			}
			if sub, ok = s["additionalProperties"].(map[string]any); !ok {
				continue
			}
		}
		if why := problem(root, sub, path+"/"+name, e); why != "" {
			return why
		}
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; isObject && !ok {
			return fmt.Sprintf("%s: %s is missing", path, name)
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		for i, e := range list {
			if why := problem(root, items, fmt.Sprint(path, "/", i), e); why != "" {
				return why
			}
		}
	}
	if words, ok := s["enum"].([]any); ok && !slices.Contains(words, v) {
		return fmt.Sprintf("%s: %v is none of %v", path, v, words)
	}
	if p, ok := s["pattern"].(string); ok && isText && !regexp.MustCompile(p).MatchString(text) {
		return fmt.Sprintf("%s: %q does not match %s", path, text, p)
	}
	for _, bound := range []struct {
		word  string
		value float64
		is    bool
		sign  float64
	}{{"minimum", number, isNumber, 1}, {"maximum", number, isNumber, -1}, {"minItems", float64(len(list)), isList, 1}, {"minProperties", float64(len(object)), isObject, 1}, {"maxProperties", float64(len(object)), isObject, -1}} {
		if limit, ok := s[bound.word].(float64); ok && bound.is && bound.value*bound.sign < limit*bound.sign {
			return fmt.Sprintf("%s: %s is %v", path, bound.word, limit)
		}
	}
	count := func(word string) (good, all int, why string) {
		options, _ := s[word].([]any)
		for _, o := range options {
			w := problem(root, o.(map[string]any), path, v)
			if w == "" {
				good++
			} else if why == "" {
				why = w
			}
		}
		return good, len(options), why
	}
	if good, all, why := count("anyOf"); all > 0 && good == 0 {
		return why
	}
	if good, all, why := count("allOf"); good < all {
		return why
	}
	if good, all, why := count("oneOf"); all > 0 && good != 1 {
		return fmt.Sprintf("%s: %d of %d fit: %s", path, good, all, why)
	}
	if not, ok := s["not"].(map[string]any); ok && problem(root, not, path, v) == "" {
		return path + ": what must not fit does"
	}
	return ""
}

// asJSON is a definition in the JSON form of HCL.
func asJSON(t *testing.T, src []byte) map[string]any {
	t.Helper()
	file, problems := hclsyntax.ParseConfig(src, "main.hcl", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	var body func(b *hclsyntax.Body) map[string]any
	body = func(b *hclsyntax.Body) map[string]any {
		object := map[string]any{}
		for name, a := range b.Attributes {
			object[name] = value(t, a.Expr, src)
		}
		for _, block := range b.Blocks {
			at, name := object, block.Type
			for _, l := range block.Labels {
				next, ok := at[name].(map[string]any)
				if !ok {
					next = map[string]any{}
					at[name] = next
				}
				at, name = next, l
			}
			switch old := at[name].(type) {
			case nil:
				at[name] = body(block.Body)
			case []any:
				at[name] = append(old, body(block.Body))
			default:
				at[name] = []any{old, body(block.Body)}
			}
		}
		return object
	}
	return body(file.Body.(*hclsyntax.Body))
}

func value(t *testing.T, e hclsyntax.Expression, src []byte) any {
	t.Helper()
	text := string(e.Range().SliceBytes(src))
	v, problems := e.Value(nil)
	if !problems.HasErrors() && v.IsWhollyKnown() {
		data, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatal(err)
		}
		return plain
	}
	if list, ok := e.(*hclsyntax.TupleConsExpr); ok {
		elements := []any{}
		for _, e := range list.Exprs {
			elements = append(elements, value(t, e, src))
		}
		return elements
	}
	if _, ok := e.(*hclsyntax.TemplateExpr); ok && strings.HasPrefix(text, `"`) {
		return strings.Trim(text, `"`)
	}
	if v.Type() == cty.DynamicPseudoType && regexp.MustCompile(`^[a-z]+$`).MatchString(text) {
		return text // a type
	}
	return "${" + strings.ReplaceAll(text, "\n", " ") + "}"
}

func definitions(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{"../../examples/restbase.hcl", "../../examples/hello.hcl", "../../examples/shared/fleet.hcl"} {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = src
	}
	a, err := txtar.ParseFile("../../testdata/lang/full.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == "main.hcl" {
			files["full.txtar"] = f.Data
		}
	}
	return files
}

func TestDefinitionsFitTheJSONSchema(t *testing.T) {
	t.Parallel()
	root := jsonSchema(t)
	for name, src := range definitions(t) {
		if why := problem(root, root, "", asJSON(t, src)); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
}

// TestMistakesDoNotFitTheJSONSchema shows that the schema refuses something.
func TestMistakesDoNotFitTheJSONSchema(t *testing.T) {
	t.Parallel()
	root := jsonSchema(t)
	src := string(definitions(t)["../../examples/hello.hcl"])
	for _, b := range [][2]string{
		{"service \"", "servce \""},
		{"hosts  ", "hotss  "},
		{"scheme = \"release/{date}/{n}\"", ""},
		{"transport \"push\"", "transport \"psuh\""},
		{"within   = \"10s\"", "within = 10"},
		{"size = ", "hosts = []\nsize = "},
		{"check \"http\" \"", "check \"http\" \"-"},
	} {
		text := strings.Replace(src, b[0], b[1], 1)
		if text == src {
			t.Errorf("examples/hello.hcl has no %q", b[0])
			continue
		}
		if problem(root, root, "", asJSON(t, []byte(text))) == "" {
			t.Errorf("%q fits", b[1])
		}
	}
}

// TestTheDocumentSaysEverything compares the document with the table.
func TestTheDocumentSaysEverything(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(schema.Describe())
	if err != nil {
		t.Fatal(err)
	}
	var d schema.Document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	types := map[schema.Type]bool{}
	for _, doc := range d.Types {
		types[doc.Name] = doc.Doc != "" && doc.Example != ""
	}
	attrs := func(where string, docs []schema.AttrDoc, want []schema.Attr) {
		if len(docs) != len(want) {
			t.Errorf("%s: %d attributes, want %d", where, len(docs), len(want))
			return
		}
		for i, a := range docs {
			w := want[i]
			if a.Name != w.Name || a.Type != w.Type || a.Default != w.Default || a.Doc != w.Doc || a.Required != w.Required || len(a.OneOf) != len(w.OneOf) || a.Example == "" || a.Scope == nil {
				t.Errorf("%s: %+v", where, a)
			}
			if !types[a.Type] {
				t.Errorf("the type %s is not explained", a.Type)
			}
			_, problems := hclsyntax.ParseExpression([]byte(a.Example), "example", hcl.InitialPos)
			if problems.HasErrors() {
				t.Errorf("%s.%s: the example %s: %v", where, a.Name, a.Example, problems)
			}
		}
	}
	var walk func(path string, doc schema.BlockDoc, b *schema.Block)
	walk = func(path string, doc schema.BlockDoc, b *schema.Block) {
		if doc.Name != b.Name || doc.Doc != b.Doc || len(doc.Blocks) != len(b.Blocks) || len(doc.Kinds) != len(b.Kinds) {
			t.Fatalf("%s: %+v", path, doc)
		}
		attrs(path, doc.Attrs, b.Attrs)
		for i, k := range doc.Kinds {
			attrs(path+"."+k.Name, k.Attrs, b.Kinds[i].Attrs)
		}
		for i, c := range doc.Blocks {
			walk(path+"."+c.Name, c, b.Blocks[i])
		}
	}
	walk("", d.File, schema.File())
	walk("", d.Scenarios, schema.Scenarios())
}
