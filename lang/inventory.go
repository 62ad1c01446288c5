package lang

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"shipit/lang/diag"
	"shipit/lang/eval"
	"shipit/lang/schema"
)

// inventory lists the hosts of a group by a command that prints what
// `ansible-inventory --list` does. The caller runs the command; where it runs
// none, a snapshot in the repository stands for its output, and without one
// the hosts are not known.
func (e *evaluator) inventory(n *node) ([]member, bool) {
	a := n.attrs["from_command"]
	at := a.expr.Range()
	argv, known := e.attr(n, "from_command")
	snapshot := n.attrs["snapshot"]
	if a.bad || snapshot != nil && snapshot.bad {
		return nil, false
	}
	run := e.runInventory
	switch {
	case run != nil && !known:
		return nil, false // reported, or it depends on a variable without a value
	case run != nil:
		text, err := run(argv.([]string))
		if err != nil {
			e.errorf("E0420", at, "Run it by hand in the directory of the definition to see what it says.", sentence(err), "the command did not list the hosts of %q", n.name())
			return nil, false
		}
		e.used = append(e.used, digest("command: "+strings.Join(argv.([]string), " "), text))
		return e.readInventory(n, text, "")
	case snapshot != nil:
		file, ok := e.attr(n, "snapshot")
		if !ok {
			e.unknownHosts(snapshot)
			return nil, false
		}
		below, text, ok := e.readBeside(snapshot, file.(string))
		if !ok {
			return nil, false
		}
		return e.readInventory(n, text, below)
	}
	command := "COMMAND"
	if known {
		command = strings.Join(argv.([]string), " ")
	}
	help := fmt.Sprintf("Commit what it prints (%s > inventory.json) and add snapshot = \"inventory.json\".", command)
	if !e.offline {
		e.errorf("E0420", at, help, "Nothing runs commands here.", "the hosts of %q are not known", n.name())
		return nil, false
	}
	e.warnf("W0408", at, help,
		"Only plan and apply run the command. Not checked: whether these hosts exist and stand in one place, their labels, which batch each is in, and what expressions with host give on each of them.",
		"the hosts of %q are not known offline", n.name())
	e.unlisted[n] = true
	return nil, false
}

// An inventoryGroup is a group as ansible prints it: an object, or only the
// list of its hosts.
type inventoryGroup struct {
	Hosts    []string `json:"hosts"`
	Children []string `json:"children"`
}

// UnmarshalJSON reads both forms.
func (g *inventoryGroup) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return json.Unmarshal(text, &g.Hosts)
	}
	type plain inventoryGroup
	return json.Unmarshal(text, (*plain)(g))
}

type inventoryDocument struct {
	groups map[string]inventoryGroup
	vars   map[string]map[string]any
}

func parseInventory(text []byte) (inventoryDocument, error) {
	doc := inventoryDocument{groups: map[string]inventoryGroup{}}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return doc, notInventory("", err)
	}
	if parts == nil {
		return doc, errors.New("it is null and not an object of groups")
	}
	for _, name := range sortedKeys(parts) {
		if name == "_meta" {
			var meta struct {
				Hostvars map[string]map[string]any `json:"hostvars"`
			}
			d := json.NewDecoder(bytes.NewReader(parts[name]))
			d.UseNumber()
			if err := d.Decode(&meta); err != nil {
				return doc, notInventory(name, err)
			}
			doc.vars = meta.Hostvars
			continue
		}
		var g inventoryGroup
		if err := json.Unmarshal(parts[name], &g); err != nil {
			return doc, notInventory(name, err)
		}
		doc.groups[name] = g
	}
	return doc, nil
}

// notInventory says what is wrong without repeating any of the text, in
// which there may be passwords.
func notInventory(part string, err error) error {
	where := "it"
	if part != "" {
		where = fmt.Sprintf("its %q", part)
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s is not JSON (byte %d)", where, syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s is not as ansible-inventory prints it: %s is a JSON %s", where, kind.Field, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is not as ansible-inventory prints it: it is a JSON %s", where, kind.Value)
	}
	return fmt.Errorf("%s is not JSON", where)
}

// hosts are the names in a group and its children, in the order of the
// document, each once. Group "" is all of them.
func (doc inventoryDocument) hosts(group string) []string {
	var names []string
	have := map[string]bool{}
	add := func(name string) {
		if !have[name] {
			have[name] = true
			names = append(names, name)
		}
	}
	seen := map[string]bool{}
	var walk func(group string)
	walk = func(group string) {
		if seen[group] {
			return
		}
		seen[group] = true
		for _, name := range doc.groups[group].Hosts {
			add(name)
		}
		for _, child := range doc.groups[group].Children {
			walk(child)
		}
	}
	if group != "" {
		walk(group)
		return names
	}
	walk("all")
	rest := sortedKeys(doc.groups)
	slices.SortFunc(rest, diag.CompareNatural)
	for _, g := range rest {
		walk(g)
	}
	rest = sortedKeys(doc.vars)
	slices.SortFunc(rest, diag.CompareNatural)
	for _, name := range rest {
		add(name)
	}
	return names
}

// readInventory turns the JSON into hosts. File is where it stands, "" where
// a command printed it.
func (e *evaluator) readInventory(n *node, text []byte, file string) ([]member, bool) {
	a := n.attrs["from_command"]
	if file != "" {
		a = n.attrs["snapshot"]
	}
	at := a.expr.Range()
	doc, err := parseInventory(text)
	if err != nil {
		e.errorf("E0421", at, "It must be what `ansible-inventory --list` prints.", sentence(err), "not an inventory")
		return nil, false
	}
	group := get[string](e, n, "group")
	if _, ok := doc.groups[group]; group != "" && !ok {
		if n.attrs["group"].bad {
			return nil, false
		}
		known := sortedKeys(doc.groups)
		help := ""
		if near := diag.Nearest(group, known); near != "" {
			help = fmt.Sprintf("Did you mean %q?", near)
		}
		e.errorf("E0421", n.at("group"), help, eval.Listing("It has", known), "the inventory has no group %q", group)
		return nil, false
	}
	names := doc.hosts(group)
	if len(names) > eval.MaxExpand {
		e.errorf("E0421", at, "Choose a group of it.", "", "the inventory has more than %d hosts", eval.MaxExpand)
		return nil, false
	}
	labels := get[[]string](e, n, "label_vars")
	var list []member
	complaints := 0
	for _, name := range names {
		m := member{name: name, at: at}
		if file != "" {
			m.at = placeOf(text, file, name, at)
		}
		if err := m.fill(doc.vars[name], labels); err != nil {
			e.errorf("E0421", m.at, "", sentence(err), "the inventory has a mistake at %q", name)
			if complaints++; complaints >= maxComplaints {
				break
			}
		}
		list = append(list, m)
	}
	return list, complaints == 0
}

// fill takes from a host's variables what shipit understands.
func (m *member) fill(vars map[string]any, labels []string) error {
	if want := schema.HostName.Check(m.name); want != "" {
		return fmt.Errorf("the name of a host must be %s", want)
	}
	for _, v := range []struct {
		name string
		form schema.Form
		to   *string
	}{{"ansible_host", schema.HostName, &m.address}, {"ansible_user", schema.UserName, &m.user}} {
		text, ok := scalar(vars[v.name])
		if !ok {
			return fmt.Errorf("its %s is not a text", v.name)
		}
		if want := v.form.Check(text); text != "" && want != "" {
			return fmt.Errorf("its %s must be %s", v.name, want)
		}
		*v.to = text
	}
	if text, _ := scalar(vars["ansible_port"]); vars["ansible_port"] != nil {
		port, err := strconv.Atoi(text)
		if err != nil || port < 1 || port > 65535 {
			return errors.New("its ansible_port must be a number from 1 to 65535")
		}
		m.port = port
	}
	m.labels = map[string]string{}
	for _, name := range labels {
		text, ok := scalar(vars[name])
		if !ok || schema.Line.Check(text) != "" {
			return fmt.Errorf("its %s cannot be a label: it is not a line of text", name)
		}
		if vars[name] != nil {
			m.labels[name] = text
		}
	}
	return nil
}

// scalar is a JSON value as text; false for lists and objects.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// placeOf is the first place of a text in quotes in a JSON file.
func placeOf(text []byte, file, name string, otherwise hcl.Range) hcl.Range {
	i := bytes.Index(text, []byte(strconv.Quote(name)))
	if i < 0 {
		return otherwise
	}
	line := bytes.LastIndexByte(text[:i], '\n') + 1
	begin := hcl.Pos{Line: bytes.Count(text[:i], []byte("\n")) + 1, Column: len([]rune(string(text[line:i]))) + 1, Byte: i}
	end := begin
	end.Byte += len(name) + 2
	end.Column += len(name) + 2
	return hcl.Range{Filename: file, Start: begin, End: end}
}
