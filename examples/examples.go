// Package examples holds definitions to learn from. They are in the program
// too, so that a lab can be made without the sources.
package examples

import "embed"

// Files are the examples at the top level of this directory.
//
//go:embed *.hcl
var Files embed.FS
