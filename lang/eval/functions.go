package eval

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// library are the functions that need nothing but their arguments. None of
// them is impure: the same files, variables, release and hosts give the same
// plan.
func library() map[string]function.Function {
	lib := map[string]function.Function{
		"abs":             stdlib.AbsoluteFunc,
		"can":             tryfunc.CanFunc,
		"ceil":            stdlib.CeilFunc,
		"checksum":        checksumFunc,
		"chomp":           stdlib.ChompFunc,
		"coalesce":        stdlib.CoalesceFunc,
		"coalescelist":    stdlib.CoalesceListFunc,
		"compact":         stdlib.CompactFunc,
		"concat":          stdlib.ConcatFunc,
		"contains":        stdlib.ContainsFunc,
		"datefmt":         dateFunc,
		"distinct":        stdlib.DistinctFunc,
		"element":         stdlib.ElementFunc,
		"base64decode":    base64DecodeFunc,
		"base64encode":    base64EncodeFunc,
		"endswith":        endsWithFunc,
		"expand":          expandFunc,
		"flatten":         stdlib.FlattenFunc,
		"floor":           stdlib.FloorFunc,
		"format":          frugal(bounded(stdlib.FormatFunc)),
		"formatlist":      frugal(bounded(stdlib.FormatListFunc)),
		"index":           indexFunc,
		"join":            frugal(stdlib.JoinFunc),
		"jsondecode":      jsonDecodeFunc,
		"jsonencode":      frugal(stdlib.JSONEncodeFunc),
		"keys":            stdlib.KeysFunc,
		"length":          stdlib.LengthFunc,
		"lookup":          stdlib.LookupFunc,
		"lower":           stdlib.LowerFunc,
		"max":             stdlib.MaxFunc,
		"merge":           stdlib.MergeFunc,
		"min":             stdlib.MinFunc,
		"range":           stdlib.RangeFunc,
		"regex":           stdlib.RegexFunc,
		"regexall":        stdlib.RegexAllFunc,
		"replace":         replaceFunc,
		"reverse":         stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc,
		"setsubtract":     stdlib.SetSubtractFunc,
		"setunion":        stdlib.SetUnionFunc,
		"sha256":          sha256Func,
		"slice":           stdlib.SliceFunc,
		"sort":            stdlib.SortFunc,
		"split":           stdlib.SplitFunc,
		"startswith":      startsWithFunc,
		"strlen":          stdlib.StrlenFunc,
		"substr":          stdlib.SubstrFunc,
		"title":           stdlib.TitleFunc,
		"trim":            stdlib.TrimFunc,
		"trimprefix":      stdlib.TrimPrefixFunc,
		"trimspace":       stdlib.TrimSpaceFunc,
		"trimsuffix":      stdlib.TrimSuffixFunc,
		"try":             tryfunc.TryFunc,
		"upper":           stdlib.UpperFunc,
		"values":          stdlib.ValuesFunc,
		"yamldecode":      yamlDecodeFunc,
		"yamlencode":      frugal(yamlEncodeFunc),
		"zipmap":          stdlib.ZipmapFunc,
	}
	maps.Copy(lib, conversions())
	return lib
}

// Functions are the functions that an expression may call. Labels are the
// labels that any host of the definition carries, nil where they are not
// known, and files is where file and templatefile read.
func Functions(labels []string, files *Files) map[string]function.Function {
	lib := library()
	lib["select"] = selectFunc(labels)
	lib["file"] = files.fileFunc()
	lib[loopName] = files.loopFunc()
	lib["templatefile"] = files.templateFunc(lib)
	return lib
}

// FunctionNames are the names of all functions, sorted.
func FunctionNames() []string {
	lib := Functions(nil, &Files{})
	delete(lib, loopName)
	return slices.Sorted(maps.Keys(lib))
}

// Describe is one line about a function, "" for one that does not exist.
func Describe(name string) string {
	return descriptions()[name]
}

func descriptions() map[string]string {
	return map[string]string{
		"abs":             "abs(number): the number without its sign",
		"base64decode":    "base64decode(text): the text that the base64 stands for",
		"base64encode":    "base64encode(text): the text as base64",
		"can":             "can(expression): whether the expression can be evaluated",
		"ceil":            "ceil(number): rounded up to a whole number",
		"checksum":        "checksum(list, name): the SHA-256 of a file in a list as sha256sum prints it, often by file()",
		"chomp":           "chomp(text): without the newlines at its end",
		"coalesce":        "coalesce(a, b, …): the first that is not null",
		"coalescelist":    "coalescelist(a, b, …): the first list that is not empty",
		"compact":         "compact(list): without empty texts and nulls",
		"concat":          "concat(a, b, …): the lists one after the other",
		"contains":        "contains(list, value): whether the value is in the list",
		"datefmt":         "datefmt(\"2006-01-02\", format): a date in another form, like datefmt(release.date, \"D MMM YYYY\")",
		"distinct":        "distinct(list): each value once, in the order of its first appearance",
		"element":         "element(list, n): the element at n, counted round and round",
		"endswith":        "endswith(text, end): whether the text ends so",
		"expand":          "expand(\"web[01-20].example.org\"): the names that the pattern stands for",
		"file":            "file(path): the text of a file in the repository",
		"flatten":         "flatten(list): lists inside the list are unpacked",
		"floor":           "floor(number): rounded down to a whole number",
		"format":          "format(\"%s:%d\", …): text by a pattern",
		"formatlist":      "formatlist(\"%s:%d\", list, …): format for each element",
		"index":           "index(list, value): at which number the value stands",
		"join":            "join(separator, list): one text of many",
		"jsondecode":      "jsondecode(text): the value that the JSON stands for",
		"jsonencode":      "jsonencode(value): the value as JSON",
		"keys":            "keys(map): its keys, sorted",
		"length":          "length(list): how many elements; strlen counts the characters of a text",
		"lookup":          "lookup(map, key, default): the element, or the default",
		"lower":           "lower(text): in small letters",
		"max":             "max(a, b, …): the largest number",
		"merge":           "merge(a, b, …): one map of many; later keys win",
		"min":             "min(a, b, …): the smallest number",
		"range":           "range(start, end, step): numbers, at most 1024",
		"regex":           "regex(pattern, text): the first match, an error where there is none",
		"regexall":        "regexall(pattern, text): all matches",
		"replace":         "replace(text, old, new): every old becomes new; /old/ is a regular expression",
		"reverse":         "reverse(list): the other way round",
		"select":          "select(hosts, { label = value }): the hosts that carry all these labels; a list of values means any of them",
		"setintersection": "setintersection(a, b, …): what all have",
		"setsubtract":     "setsubtract(a, b): what only a has",
		"setunion":        "setunion(a, b, …): what any has",
		"sha256":          "sha256(text): its digest in hexadecimal",
		"slice":           "slice(list, from, to): the elements from (included) to (excluded)",
		"sort":            "sort(list): the texts in order",
		"split":           "split(separator, text): many texts of one",
		"startswith":      "startswith(text, start): whether the text begins so",
		"strlen":          "strlen(text): how many characters",
		"substr":          "substr(text, from, count): a part of the text",
		"templatefile":    "templatefile(path, { name = value }): a template in the repository, rendered with these names only",
		"title":           "title(text): each word with a capital",
		"tobool":          "tobool(value): as true or false",
		"tolist":          "tolist(value): as a list",
		"tomap":           "tomap(value): as a map",
		"tonumber":        "tonumber(value): as a number",
		"toset":           "toset(value): as a set",
		"tostring":        "tostring(value): as text",
		"trim":            "trim(text, characters): without these at both ends",
		"trimprefix":      "trimprefix(text, start): without that start",
		"trimspace":       "trimspace(text): without white space at both ends",
		"trimsuffix":      "trimsuffix(text, end): without that end",
		"try":             "try(a, b, …): the first expression that can be evaluated",
		"upper":           "upper(text): in capital letters",
		"values":          "values(map): its values, in the order of their keys",
		"yamldecode":      "yamldecode(text): the value that the YAML stands for; one document, without anchors and aliases",
		"yamlencode":      "yamlencode(value): the value as YAML",
		"zipmap":          "zipmap(keys, values): a map of two lists",
	}
}
