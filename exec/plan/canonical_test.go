package plan

import (
	"testing"

	"pgregory.net/rapid"
)

// TestCanonicalIsWhatDecodingGives compares the sorting of text with decoding
// it and writing it again, which is what a saved plan is checked by.
func TestCanonicalIsWhatDecodingGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(t, 4)
		got, err := canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		data, err := marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		want, err := recanonical(data)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("%s\nbecomes %s\nnot     %s", data, got, want)
		}
	})
}

// unsorted has its fields in another order than their keys.
type unsorted struct {
	Z any    `json:"z"`
	B string `json:"b,omitempty"`
	A []any  `json:"a"`
}

func anyValue(t *rapid.T, depth int) any {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `"`, `\`, "<&>", "\u2028", "\x00", "a\xff", "}]," + `\"`}))
	kinds := 4
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return text.Draw(t, "text")
	case 1:
		return rapid.Int64().Draw(t, "int")
	case 2:
		return rapid.Float64().Draw(t, "float")
	case 3:
		return rapid.SampledFrom([]any{nil, true, false}).Draw(t, "word")
	case 4:
		out := make([]any, rapid.IntRange(0, 3).Draw(t, "n"))
		for i := range out {
			out[i] = anyValue(t, depth-1)
		}
		return out
	case 5:
		out := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "n") {
			out[text.Draw(t, "key")] = anyValue(t, depth-1)
		}
		return out
	}
	return unsorted{anyValue(t, depth-1), text.Draw(t, "b"), []any{anyValue(t, depth-1)}}
}
