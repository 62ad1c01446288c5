package eval

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// The limits of texts that a function reads values from.
const (
	maxDocument = 1 << 20 // bytes
	maxBrackets = 200     // of YAML that stay open at the end of their line
	maxIndent   = 200     // of a line of YAML
)

var (
	jsonDecodeFunc = reading("JSON", bounded(stdlib.JSONDecodeFunc), checkJSON)
	yamlDecodeFunc = reading("YAML", yaml.YAMLDecodeFunc, checkYAML)
)

// reading refuses documents that would take f long or much memory, before it
// sees them, and numbers of millions of digits in what it gives.
func reading(what string, f function.Function, check func(text string) error) function.Function {
	return function.New(&function.Spec{
		Params: f.Params(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if text := args[0]; text.IsKnown() && !text.IsNull() {
				if len(text.AsString()) > maxDocument {
					return cty.DynamicPseudoType, function.NewArgErrorf(0, "it has more than %d KiB", maxDocument>>10)
				}
				if err := check(text.AsString()); err != nil {
					return cty.DynamicPseudoType, function.NewArgError(0, err)
				}
			}
			t, err := f.ReturnTypeForValues(args)
			if err != nil {
				return t, function.NewArgErrorf(0, "it is no %s: %w", what, err)
			}
			return t, nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil {
				return v, err
			}
			return v, cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
				if v.Type() == cty.Number && v.IsKnown() && !v.IsNull() {
					const bits = MaxExponent * 10 / 3
					if e := v.AsBigFloat().MantExp(nil); e > bits || e < -bits {
						return false, function.NewArgErrorf(0, "a number in it is too large")
					}
				}
				return true, nil
			})
		},
	})
}

// checkJSON bounds the nesting.
func checkJSON(text string) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > MaxNesting {
				return fmt.Errorf("it is nested more than %d deep", MaxNesting)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

var (
	yamlLines = regexp.MustCompile("[\n\r\u0085\u2028\u2029]")
	// After any of the excluded characters no YAML token can begin, so that
	// such a & or * is a part of text.
	yamlAnchor = regexp.MustCompile(`(^|[^A-Za-z0-9_/.=;)%+~])&[A-Za-z0-9_-]`)
	yamlAlias  = regexp.MustCompile(`(^|[^A-Za-z0-9_/.=;)%+~])\*[A-Za-z0-9_-]`)
	yamlDigits = regexp.MustCompile(`[0-9_]{1000}`)
	// A bracket that is closed in the same line, with nothing between that
	// could hide the end or another beginning.
	yamlPair = regexp.MustCompile(`[\[{] *(?:` + yamlItem + ` *(?:(?:,|: ) *` + yamlItem + ` *)*)?,? *[\]}]`)
)

const yamlItem = `(?:"(?:[^"\\\[\]{}]|\\[^\[\]{}])*"|'[^'\[\]{}]*'|[^"'#,\[\]{}]*)`

// checkYAML refuses what the library takes without bound: aliases, of which
// 400 bytes can stand for gigabytes, and nesting, on which its stack and its
// time depend. It does not read YAML, so that nothing can fool it about what
// is quoted; where it cannot tell, it takes the worse.
func checkYAML(text string) error {
	if yamlAnchor.MatchString(text) && yamlAlias.MatchString(text) {
		return errors.New("it has anchors and aliases (& and *), which are not read; write the parts out")
	}
	if yamlDigits.MatchString(text) {
		return errors.New("a number in it is too large")
	}
	open := 0
	for _, line := range yamlLines.Split(text, -1) {
		// Every level of a block begins further to the right.
		if len(line)-len(strings.TrimLeft(line, " \t-?:")) > maxIndent {
			return fmt.Errorf("a line begins more than %d columns to the right", maxIndent)
		}
		for range MaxNesting {
			shorter := yamlPair.ReplaceAllString(line, "_")
			if shorter == line {
				break
			}
			line = shorter
		}
		open += strings.Count(line, "[") + strings.Count(line, "{")
	}
	if open > maxBrackets {
		return fmt.Errorf("it is nested too deeply: more than %d brackets do not end in the line that they begin in", maxBrackets)
	}
	return nil
}
