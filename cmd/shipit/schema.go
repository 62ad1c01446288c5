package main

import (
	"encoding/json"
	"io"

	"shipit/exec/event"
	"shipit/lang"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

type schemaCmd struct {
	JSON       bool `name:"json" xor:"form" help:"Print the whole table, with functions and codes, as JSON."`
	Events     bool `xor:"form" help:"Print a JSON Schema of the lines of a journal and of --json: the events of runs."`
	JSONSchema bool `name:"json-schema" xor:"form" help:"Print a JSON Schema of HCL's JSON form, for tools. Definitions in that form are not read."`
}

func (c *schemaCmd) Help() string {
	return "What a definition may say: the blocks, their kinds and arguments. 'shipit explain' tells more of each.\n\n" +
		examples("shipit schema", "shipit schema --json | jq '.file.blocks[].name'", "shipit schema --json-schema > shipit.schema.json",
			"shipit schema --events > shipit-events.schema.json")
}

func (c *schemaCmd) Run(w *world) error {
	switch {
	case c.Events:
		return writeJSON(w.stdout, event.JSONSchema())
	case c.JSONSchema:
		return writeJSON(w.stdout, schema.JSONSchema())
	case c.JSON:
		return writeJSON(w.stdout, languageDoc())
	}
	_, err := io.WriteString(w.stdout, lang.Overview())
	return err
}

func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// A functionDoc is a function for programs.
type functionDoc struct {
	Name string `json:"name"`
	Doc  string `json:"doc"` // how it is called: what it gives
}

// A codeDoc is a code of diagnostics for programs.
type codeDoc struct {
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Page    string `json:"page"` // Markdown
}

// languageDoc is the table with what is not in it: functions and codes.
func languageDoc() any {
	doc := struct {
		schema.Document
		Functions []functionDoc `json:"functions"`
		Codes     []codeDoc     `json:"codes"`
	}{Document: schema.Describe()}
	for _, name := range eval.FunctionNames() {
		doc.Functions = append(doc.Functions, functionDoc{name, eval.Describe(name)})
	}
	for _, r := range rules() {
		doc.Codes = append(doc.Codes, codeDoc{r.Code, r.Meaning, r.Help})
	}
	return doc
}
