package check

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"shipit/lang"
)

// A jsonAnswer is what stands at a path of a document: a scalar with its
// text, a container, or nothing (kind "").
type jsonAnswer struct{ kind, text string }

const scalar = "scalar"

// deepest bounds how documents are nested, here and in json.awk.
const deepest = 100

// jsonAt is what json.awk finds. A number is its text as it was written; of
// equal keys the last one counts.
func jsonAt(document string, path lang.JSONPath) (jsonAnswer, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return jsonAnswer{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return jsonAnswer{}, errors.New("something follows the document")
	}
	if depth(v) > deepest {
		return jsonAnswer{}, errors.New("it is nested too deeply")
	}
	for _, step := range path {
		switch step := step.(type) {
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return jsonAnswer{}, nil
			}
			v = list[step]
		case string:
			object, _ := v.(map[string]any)
			below, ok := object[step]
			if !ok {
				return jsonAnswer{}, nil
			}
			v = below
		}
	}
	switch v := v.(type) {
	case map[string]any:
		return jsonAnswer{kind: "an object"}, nil
	case []any:
		return jsonAnswer{kind: "an array"}, nil
	case string:
		return jsonAnswer{scalar, v}, nil
	case json.Number:
		return jsonAnswer{scalar, v.String()}, nil
	case bool:
		if v {
			return jsonAnswer{scalar, "true"}, nil
		}
		return jsonAnswer{scalar, "false"}, nil
	}
	return jsonAnswer{scalar, "null"}, nil
}

func depth(v any) int {
	deep := -1
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deep = max(deep, depth(e))
		}
	case []any:
		for _, e := range v {
			deep = max(deep, depth(e))
		}
	}
	return deep + 1
}
