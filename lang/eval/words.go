package eval

import "strings"

// A wording is what we say for a message of the parser or the evaluation.
type wording struct {
	summary string // theirs, up to a "…"
	part    string // of their detail, "" for any
	code    string
	says    string
	detail  string
	help    string
}

// words finds the wording for a message, the first that fits.
func words(list []wording, summary, detail string) (wording, bool) {
	for _, w := range list {
		start, open := strings.CutSuffix(w.summary, "…")
		if (w.summary == summary || open && strings.HasPrefix(summary, start)) && strings.Contains(detail, w.part) {
			return w, true
		}
	}
	return wording{}, false
}

const elsewhere = "Often the missing one is a few lines above the place where it was noticed."

// syntaxWords are our words for what the parser says.
func syntaxWords() []wording {
	return []wording{
		{"Unclosed configuration block", "", "E0125", "the block is not closed", "The file ends before the \"}\" of this block. " + elsewhere, "Write the missing }."},
		{"Unclosed configuration body", "", "E0125", "the block is not closed", "The file ends before its \"}\". " + elsewhere, "Write the missing }."},
		{"Unterminated tuple constructor expression", "", "E0125", "the list is not closed", "The file ends before its \"]\". " + elsewhere, "Write the missing ]."},
		{"Unterminated object constructor expression", "", "E0125", "the object is not closed", "The file ends before its \"}\". " + elsewhere, "Write the missing }."},
		{"Unterminated function call", "", "E0125", "the call is not closed", "The file ends before its \")\". " + elsewhere, "Write the missing )."},
		{"Unterminated string literal", "", "E0125", "the string is not closed", "The file ends before its closing quote.", "Write the missing \"."},
		{"Unterminated template string", "", "E0125", "the string is not closed", "Its end was not found.", "Write the missing \", or the closing word of <<."},
		{"Unclosed template interpolation sequence", "", "E0125", "\"${\" is not closed", "Its \"}\" was not found.", "Write the missing }, or $${ for the text itself."},
		{"Unclosed index brackets", "", "E0125", "the index is not closed", "After the number or the name in brackets stands \"]\".", "Write the missing ]."},
		{"Missing close bracket on splat index", "", "E0125", "\"[*\" is not closed", "Right after the star stands \"]\".", "Write [*]."},
		{"Missing close bracket on index", "", "E0125", "the index is not closed", "After the number or the name in brackets stands \"]\".", "Write the missing ]."},
		{"Missing closing parenthesis", "", "E0125", "the call is not closed", "What \"...\" spreads is the last argument.", "Write ) after the dots."},
		{"Unbalanced parentheses", "", "E0125", "the parenthesis is not closed", "A \")\" is expected here.", "Write the missing )."},

		{"Unsupported operator", "Bitwise", "E0126", "there are no operators on bits", "", "Write && for and, || for or, ! for not."},
		{"Unsupported operator", "**", "E0126", "there is no operator \"**\"", "", "Write the product out, like 2 * 2."},
		{"Unsupported operator", "", "E0126", "there is no such operator", "", ""},
		{"Invalid character", "\"`\"", "E0126", "strings stand in double quotes", "", "Write \" for `, and <<EOT for a text of several lines."},
		{"Invalid character", "Single quotes", "E0126", "strings stand in double quotes", "", "Write \" for '."},
		{"Invalid character", "\";\"", "E0126", "\";\" separates nothing", "An argument ends with its line; the elements of a list are separated by commas.", "Begin a new line."},
		{"Invalid character", "Tab", "E0126", "a tab stands where only blanks can", "", "Write blanks; shipit fmt does so."},
		{"Invalid character", "Curly", "E0126", "this is a typographer's quote", "Word processors and chats make them of straight ones.", "Write \"."},
		{"Invalid character", "", "E0126", "this character means nothing here", "Outside of strings there are names, numbers, operators and brackets.", "Remove it, or put the text in quotes."},
		{"Invalid character encoding", "", "E0126", "this is not UTF-8", "", "Save the file as UTF-8."},

		{"Missing expression", "", "E0127", "a value is missing", "The file ends where a value is expected.", "Write the value."},
		{"Invalid expression", "", "E0127", "a value is missing", "Here a value is expected: a string, a number, a name, a list, a call.", "Write the value, or remove what waits for it."},
		{"Missing attribute value", "", "E0127", "a value is missing", "After the name stands \"=\" and the value.", "Write = and the value."},
		{"Missing false expression in conditional", "", "E0127", "the condition has no \":\"", "A condition is written CONDITION ? VALUE : OTHER.", "Write : and the value for the other case."},
		{"Invalid number literal", "", "E0127", "this is no number", "", "Write it like 12 or 1.5, or in quotes if it is a text."},

		{"Missing item separator", "", "E0128", "a comma is missing between two elements", "", "Write , between them."},
		{"Missing argument separator", "", "E0128", "a comma is missing between two arguments", "", "Write , between them."},
		{"Missing attribute separator", "", "E0128", "a comma is missing between two entries", "Entries of an object stand in lines of their own, or have commas between them.", "Write , between them, or begin a new line."},
		{"Missing key/value separator", "periods or spaces", "E0128", "\"=\" is missing after the name", "A name with dots or blanks stands in quotes.", "Write NAME = VALUE."},
		{"Missing key/value separator", "", "E0128", "\"=\" is missing after the name", "", "Write NAME = VALUE."},
		{"Unexpected comma after argument", "", "E0128", "there is no comma after an argument", "", "Begin a new line for the next one."},
		{"Missing newline after argument", "", "E0128", "something stands behind the value", "An argument ends with its line.", "Put texts in quotes, and the next argument in a line of its own."},
		{"Extra characters after expression", "", "E0128", "something stands behind the expression", "It was complete before.", "Remove it, or put the text in quotes."},

		{"Invalid multi-line string", "", "E0129", "the string is not closed in its line", "A string in quotes has one line.", "Write the missing \", \\n for a new line, or <<EOT for a text of several lines."},
		{"Invalid escape sequence", "Backslash must", "E0129", "nothing stands behind the backslash", "", "Write \\\\ for a backslash."},
		{"Invalid escape sequence", "four hex", "E0129", "\\u has four hexadecimal digits behind it", "", "Write it like \\u00e9, or \\\\ for a backslash."},
		{"Invalid escape sequence", "eight hex", "E0129", "\\U has eight hexadecimal digits behind it", "", "Write it like \\U0001f680, or \\\\ for a backslash."},
		{"Invalid escape sequence", "Cannot encode", "E0129", "there is no such character", "", "Write \\\\ for a backslash."},
		{"Invalid escape sequence", "", "E0129", "this is not read as a backslash", "Behind a backslash stands one of n, r, t, \", \\, uNNNN or UNNNNNNNN.", "Write \\\\ for a backslash."},
		{"Invalid string literal", "Template sequences", "E0129", "this string is taken as it is written", "Labels and keys hold no ${…}.", "Write $${ for the text itself, or the text in place of the expression."},
		{"Invalid string literal", "", "E0129", "here stands a string in quotes", "", "Write \"…\"."},

		{"Argument or block definition required", "", "E0130", "here stands an argument or a block", "An argument is NAME = VALUE, a block is NAME \"LABEL\" { … }.", "Write = between name and value, and # before a comment."},
		{"Argument definition required", "", "E0130", "here stands an argument", "A block in one line holds one argument.", "Write = between name and value, or put each in a line of its own."},
		{"Invalid argument name", "", "E0130", "the name of an argument has no quotes", "", "Remove the quotes."},
		{"Invalid block definition", "equals sign", "E0130", "a block has no \"=\"", "", "Remove the =."},
		{"Invalid block definition", "content delimited", "E0130", "\"=\" or \"{\" is missing", "An argument is NAME = VALUE; a block is NAME \"LABEL\" {, with the brace in the same line.", "Write = between name and value, or { at the end of the line."},
		{"Invalid block definition", "", "E0130", "a label or \"{\" is missing", "Behind the name of a block stand labels in quotes and then \"{\".", "Write NAME \"LABEL\" { … }, or NAME = VALUE for an argument."},
		{"Invalid single-argument block definition", "", "E0130", "a block in one line holds one argument", "", "Put each argument in a line of its own, and the } in another."},
		{"Missing newline after block definition", "", "E0130", "something stands behind the block", "", "Begin a new line."},

		{"Unexpected end of template", "if directive", "E0131", "%{ if } has no %{ endif }", "", "Write the missing %{ endif }."},
		{"Unexpected end of template", "for directive", "E0131", "%{ for } has no %{ endfor }", "", "Write the missing %{ endfor }."},
		{"Unexpected end of template", "", "E0131", "a directive of the template is not ended", "", "Write %{ endif } or %{ endfor }."},
		{"Unexpected else directive", "Already", "E0131", "%{ if } has two %{ else }", "", "Remove one of them."},
		{"Unexpected else directive", "", "E0131", "%{ for } has no %{ else }", "", "Remove it."},
		{"Unexpected …", "Expecting", "E0131", "the directives of the template cross each other", "What was begun last ends first: if with endif, for with endfor.", "Put them in order."},
		{"Unexpected …", "unbalanced", "E0131", "the directive ends what was not begun", "", "Remove it, or write the missing %{ if } or %{ for }."},
		{"Invalid 'for' directive", "", "E0131", "the directive for is not complete", "", "Write %{ for NAME in LIST }."},
		{"Extra characters in …", "", "E0131", "the directive is not closed", "", "Write } behind it."},

		{"Invalid 'for' expression", "tuple", "E0132", "a loop in brackets gives a list", "It has neither \"=>\" nor \"...\".", "Write { for … } for an object, or remove it."},
		{"Invalid 'for' expression", "when building an object", "E0132", "a loop in braces gives names and values", "", "Write { for NAME in LIST : KEY => VALUE }, or [ … ] for a list."},
		{"Invalid 'for' expression", "", "E0132", "the loop is not complete", "", "Write [for NAME in LIST : VALUE], or [for NAME in LIST : VALUE if CONDITION]."},

		{"Invalid attribute name", "", "E0133", "a name is missing after the dot", "", "Write the name, or [\"NAME\"] if it has other characters than letters, digits, _ and -."},
		{"Attribute name required", "", "E0133", "a name is missing after the dot", "", "Write the name."},
		{"Variable name required", "", "E0133", "a name is missing", "", "Write it like service.cassandra."},
		{"Index value required", "", "E0133", "an index is missing", "", "Write a number or a name in quotes."},
		{"Invalid legacy index syntax", "", "E0133", "two numbers stand after dots", "", "Write them in brackets: [0][1]."},
		{"Nested splat expression not allowed", "", "E0133", "\"*\" stands after another \"*\"", "", "Write [*] for both, or a for."},
		{"Missing function name", "", "E0133", "a name is missing after \"::\"", "No function of shipit has one.", "Write NAME(…)."},
		{"Missing open parenthesis", "", "E0133", "\"(\" is missing after the function", "", "Write NAME(…)."},
	}
}

// valueWords are our words for what the evaluation says. KIND stands for what
// the value in question is.
func valueWords() []wording {
	return []wording{
		{"Invalid operand", "number is required", "E0318", "the operator needs a number", "This is KIND.", ""},
		{"Invalid operand", "number required", "E0318", "the operator needs a number", "This is KIND.", ""},
		{"Invalid operand", "bool", "E0318", "the operator needs true or false", "This is KIND.", ""},
		{"Invalid operand", "", "E0318", "the operator cannot take this value", "This is KIND.", ""},
		{"Operation failed", "", "E0314", "this cannot be computed", "Zero divided by zero is no number, and neither is what is left of two values without end.", "Check the divisor first, like n == 0 ? 0 : m / n."},

		{"Invalid template interpolation value", "null", "E0319", "null cannot stand in a text", "", "Use coalesce(value, \"…\") for what may be null."},
		{"Invalid template interpolation value", "", "E0319", "the value cannot stand in a text", "It is KIND.", "Use join(\", \", list) for a list, jsonencode(value) for anything else."},

		{"Inconsistent conditional result types", "", "E0320", "the two results of the condition do not fit together", "Both have one type, whatever the condition says.", "Make both a list, both a text, or both an object with the same names."},
		{"Null condition", "", "E0320", "the condition is null", "A condition is true or false.", "Use coalesce(value, false) for what may be null."},
		{"Incorrect condition type", "", "E0320", "the condition is neither true nor false", "It is KIND.", "Compare it, like x != \"\"."},

		{"Iteration over null value", "", "E0321", "the loop runs over null", "", "Use coalesce(list, []) for what may be null."},
		{"Iteration over non-iterable value", "", "E0321", "a loop runs over a list, a set or an object", "This is KIND.", "Write [value] for a list of one."},
		{"Condition is null", "", "E0321", "the if of the loop is null", "It is true or false.", ""},
		{"Invalid 'for' condition", "null", "E0321", "the if of the loop is null", "It is true or false.", ""},
		{"Invalid 'for' condition", "", "E0321", "the if of the loop is neither true nor false", "", "Compare it, like x != \"\"."},
		{"Splat of null value", "", "E0321", "[*] stands after null", "", "Use coalesce(list, []) for what may be null."},
		{"Invalid nested splat expressions", "", "E0321", "the inner lists have different types", "", "Write [for x in list : x.NAME]."},

		{"Invalid object key", "null", "E0322", "a key is null", "", ""},
		{"Invalid object key", "", "E0322", "a key is no text", "", "Use tostring, or the name of something."},
		{"Null value as key", "", "E0322", "a key is null", "", ""},
		{"Incorrect key type", "", "E0322", "a key is no text", "It is KIND.", "Use tostring, or the name of something."},
		{"Duplicate object key", "", "E0322", "two elements give the same key", "In an object, each key stands once.", "Write VALUE... behind => to collect the values of one key in a list."},
		{"Ambiguous attribute key", "", "E0322", "is this key a name or a value?", "", "Write (name.of.it) for the value, \"name.of.it\" for the text."},

		{"Attempt to index null value", "", "E0312", "the value before the brackets is null", "Null has nothing inside it.", ""},
		{"Attempt to get attribute from null value", "", "E0312", "the value before the dot is null", "Null has nothing inside it.", ""},
		{"Invalid index", "null value", "E0207", "the index is null", "", ""},
		{"Invalid index", "fractional", "E0207", "the index is not whole", "", "Use floor or ceil."},
		{"Invalid index", "negative", "E0207", "the index is negative", "The first element is number 0.", ""},
		{"Invalid index", "Elements of a set", "E0207", "the elements of a set have no numbers", "", "Use tolist, or a for."},
		{"Invalid index", "does not have any indices", "E0207", "the value has nothing inside it", "", "Remove the brackets."},
		{"Invalid index", "", "E0207", "there is no such element", "", "The first element of a list is number 0; keys prints the names of an object."},
		{"Unsupported attribute", "a list of objects", "E0207", "a list has numbers, not names", "", "Write [0].NAME for the first, or [*].NAME for all."},
		{"Unsupported attribute", "a set of objects", "E0207", "a set has no names", "", "Write [*].NAME for all."},
		{"Unsupported attribute", "", "E0207", "the value has no such name", "", "keys prints the names of an object."},
		{"Missing map element", "", "E0207", "the value has no such name", "", "keys prints the names of an object."},

		{"Invalid expanding argument value", "null", "E0310", "what \"...\" spreads is null", "", "Use coalesce(list, []) for what may be null."},
		{"Invalid expanding argument value", "", "E0310", "\"...\" spreads a list", "", "Remove the dots, or write [value]..."},
		{"Not enough function arguments", "", "E0310", "an argument is missing", "", ""},
		{"Too many function arguments", "", "E0310", "there are too many arguments", "", ""},
		{"Call to unknown function", "", "E0208", "there is no such function", "", ""},
		{"Unknown variable", "", "E0201", "there is no such name", "", ""},
		{"Variables not allowed", "", "E0202", "no name can be used here", "", "Write the value itself."},
		{"Function calls not allowed", "", "E0202", "no function can be called here", "", "Write the value itself."},
	}
}
