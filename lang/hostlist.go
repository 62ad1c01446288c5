package lang

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"shipit/lang/eval"
	"shipit/lang/schema"
)

// A member is a host of a group as its list tells, before the group's blocks
// say what is different.
type member struct {
	name    string
	at      hcl.Range // where the list names it; nothing where that is no place in a file
	address string
	user    string
	port    int
	labels  map[string]string
}

// maxComplaints bounds the messages about one list of hosts: a file that is
// something else altogether is wrong in every line.
const maxComplaints = 20

// members are the hosts of a group by whichever way it lists them; false
// where they are not known, or wrong (then that was reported).
func (e *evaluator) members(n *node) ([]member, bool) {
	switch {
	case n.attrs["from_file"] != nil:
		return e.listFile(n)
	case n.attrs["from_command"] != nil:
		return e.inventory(n)
	}
	a := n.attrs["names"]
	d := e.attrDecoded(n, "names")
	if a == nil || !d.ok {
		if a != nil {
			e.unknownHosts(a)
		}
		return nil, false
	}
	var list []member
	for _, name := range d.value.([]string) {
		list = append(list, member{name: name, at: a.expr.Range()})
	}
	return list, true
}

// listFile reads a list of hosts as dsh keeps them: a host or a pattern for
// expand on each line, with comments after #.
func (e *evaluator) listFile(n *node) ([]member, bool) {
	a := n.attrs["from_file"]
	d := e.attrDecoded(n, "from_file")
	if !d.ok {
		e.unknownHosts(a)
		return nil, false
	}
	file := d.value.(string)
	below, text, ok := e.readBeside(a, file)
	if !ok {
		return nil, false
	}
	var list []member
	complaints := 0
	offset, number := 0, 0
	for line := range bytes.Lines(text) {
		number++
		at := lineRange(below, line, number, offset)
		offset += len(line)
		pattern := listed(line)
		if pattern == "" {
			continue
		}
		names, err := eval.Expand(pattern)
		switch {
		case err != nil:
			e.errorf("E0309", at, "", sentence(err), "not a pattern of names")
			complaints++
		case len(list)+len(names) > eval.MaxExpand:
			e.errorf("E0309", at, "", "", "the list has more than %d hosts", eval.MaxExpand)
			return nil, false
		}
		for _, name := range names {
			if want := schema.HostName.Check(name); want != "" {
				e.errorf("E0308", at, "", fmt.Sprintf("It is %q. It must be %s.", name, want), "not the name of a host")
				complaints++
				break
			}
			list = append(list, member{name: name, at: at})
		}
		if complaints >= maxComplaints {
			return nil, false
		}
	}
	return list, complaints == 0
}

// listed is what a line of a list says beside its comment.
func listed(line []byte) string {
	before, _, _ := bytes.Cut(line, []byte("#"))
	return string(bytes.TrimSpace(bytes.TrimPrefix(before, []byte("\ufeff"))))
}

// lineRange is the place of what a line says.
func lineRange(file string, line []byte, number, offset int) hcl.Range {
	text := listed(line)
	start := max(0, bytes.Index(line, []byte(text)))
	begin := hcl.Pos{Line: number, Column: utf8.RuneCount(line[:start]) + 1, Byte: offset + start}
	end := begin
	end.Column += utf8.RuneCountInString(text)
	end.Byte += len(text)
	return hcl.Range{Filename: file, Start: begin, End: end}
}

// readBeside reads the file that an attribute names, as text.
func (e *evaluator) readBeside(a *attribute, file string) (below string, text []byte, ok bool) {
	at := a.expr.Range()
	below, text, err := e.reader(at.Filename, &e.used, &e.loops).Read(file)
	why := ""
	switch {
	case err != nil:
		why = sentence(err)
	case !utf8.Valid(text):
		why = "It is not UTF-8 text."
	}
	if why != "" {
		e.errorf("E0316", at, "Paths start at the directory of the definition; ./ begins one beside the file that says it.", why, "cannot read %q", file)
		return below, nil, false
	}
	return below, text, true
}
