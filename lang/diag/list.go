package diag

import (
	"cmp"
	"slices"
)

// Sorted returns the diagnostics of l in the order in which they are shown:
// by file, position, severity, code and summary. Equal ones are kept once.
func (l List) Sorted() List {
	sorted := slices.Clone(l)
	slices.SortFunc(sorted, compare)
	return slices.CompactFunc(sorted, func(a, b Diagnostic) bool { return compare(a, b) == 0 })
}

// Count tells how many diagnostics of l are errors and how many warnings.
func (l List) Count() (errors, warnings int) {
	for _, d := range l {
		if d.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// compare orders diagnostics by every field, so that equal means the same.
func compare(a, b Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.Subject.File, b.Subject.File),
		comparePos(a.Subject.Start, b.Subject.Start),
		cmp.Compare(a.Severity, b.Severity), // "error" sorts before "warning"
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Summary, b.Summary),
		cmp.Compare(a.Detail, b.Detail),
		cmp.Compare(a.Label, b.Label),
		cmp.Compare(a.Help, b.Help),
		comparePos(a.Subject.End, b.Subject.End),
		slices.CompareFunc(a.Related, b.Related, compareRelated),
		slices.Compare(a.Hosts, b.Hosts),
		slices.Compare(a.Envs, b.Envs),
		slices.CompareFunc(a.Fixes, b.Fixes, compareFix),
	)
}

func compareFix(a, b Fix) int {
	return cmp.Or(
		cmp.Compare(a.Range.File, b.Range.File),
		comparePos(a.Range.Start, b.Range.Start),
		comparePos(a.Range.End, b.Range.End),
		cmp.Compare(a.Text, b.Text),
		cmp.Compare(a.Title, b.Title),
	)
}

func compareRelated(a, b Related) int {
	return cmp.Or(
		cmp.Compare(a.Range.File, b.Range.File),
		comparePos(a.Range.Start, b.Range.Start),
		comparePos(a.Range.End, b.Range.End),
		cmp.Compare(a.Text, b.Text),
	)
}

func comparePos(a, b Pos) int {
	return cmp.Or(
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Byte, b.Byte),
	)
}
