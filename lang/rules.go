package lang

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"shipit/lang/diag"
	"shipit/lang/eval"
)

// Rules between fields, each with both places.

func (e *evaluator) checkHosts(n *node, names []string) {
	if len(names) > 0 || n.attrs["hosts"] == nil {
		return
	}
	help := ""
	if e.env != nil && e.env.attrs["hosts"] == nil {
		help = fmt.Sprintf("Add hosts = hosts.NAME to environment %q.", e.envName)
	} else if e.env == nil {
		help = "Without an environment block, write hosts = hosts.NAME in the service."
	}
	e.errorf("E0412", n.at("hosts"), help, "", "the service has no hosts in environment %s", e.envName)
}

// checkTimes compares the times of a check that were written down.
func (e *evaluator) checkTimes(n *node, c Check) {
	for _, name := range []string{"within", "every", "timeout"} {
		if v, ok := e.attr(n, name); ok && n.attrs[name] != nil && v.(Duration) == 0 {
			e.errorf("E0405", n.at(name), "", "", "%s must be more than nothing", name)
			return
		}
	}
	within := diag.Range{}
	if n.attrs["within"] != nil {
		within = eval.Range(n.at("within"))
	}
	if n.attrs["every"] != nil && c.Every > 0 && c.Within > 0 && c.Every >= c.Within {
		e.report(dangling(eval.At("E0405", n.at("every"), "the check is asked only once before its deadline",
			fmt.Sprintf("every is %s and within is %s.", c.Every, c.Within), "Make every shorter than within."), orBlock(within, n), "the deadline"))
	}
	if n.attrs["timeout"] != nil && c.Timeout > c.Within && c.Within > 0 {
		e.report(dangling(eval.At("E0405", n.at("timeout"), "an attempt may take longer than the deadline",
			fmt.Sprintf("timeout is %s and within is %s.", c.Timeout, c.Within), "Make timeout at most within."), orBlock(within, n), "the deadline"))
	}
}

func orBlock(r diag.Range, n *node) diag.Range {
	if r.File == "" {
		return eval.Range(n.def)
	}
	return r
}

// checkBatches checks the rules between batches and the rest of the service.
func (e *evaluator) checkBatches(n *node, known bool) {
	blocks := n.all("batch")
	taken := map[string]*node{}
	inService := map[string]bool{}
	var serviceNames []string
	for _, h := range e.serviceHosts {
		inService[h.Name] = true
		serviceNames = append(serviceNames, h.Name)
	}
	for i, b := range blocks {
		if sized := sizeOf(b); sized != nil && i < len(blocks)-1 {
			e.report(dangling(eval.At("E0402", sized.nameAt, "only the last batch can have a "+sized.name,
				"A "+sized.name+" repeats until no host is left, so nothing is left for the batches after it.", "Move it to the end, or name its hosts."),
				eval.Range(blocks[i+1].def), "this batch would get no hosts"))
		}
		if a := b.attrs["soak"]; a != nil && get[Duration](e, b, "soak") > 0 && len(n.all("check")) == 0 {
			e.errorf("E0408", a.expr.Range(), "Add a check block, or remove soak.", "Soaking is going on to ask the checks.", "soak needs a check")
		}
		if i == len(blocks)-1 {
			e.checkLast(b)
		}
		if known && len(e.serviceHosts) > 0 {
			e.checkLabel(b, "by")
			e.checkLabel(b, "spread")
		}
		if within := b.attrs["confirm_within"]; within != nil && b.attrs["confirm"] == nil {
			e.report(vain(within.expr.Range(), "confirm_within says nothing here", "Nothing is asked after this batch.", "Add confirm = true, or remove it."))
		}
		if by, spread := get[string](e, b, "by"), b.attrs["spread"]; by != "" && spread != nil && get[string](e, b, "spread") == by {
			e.report(dangling(vain(spread.expr.Range(), "spread says nothing here", "All hosts of a slice have the same value of this label.", "Remove spread, or name another label."),
				eval.Range(b.at("by")), "the slices go by the same label"))
		}
		if b.attrs["hosts"] == nil || !known {
			continue
		}
		names, ok := e.hostNames(b)
		if ok && len(names) == 0 {
			e.warnf("W0404", b.at("hosts"), "", "", "the batch %q is empty in environment %s", b.name(), e.envName)
		}
		for _, name := range names {
			at := b.at("hosts")
			switch {
			case !inService[name]:
				d := eval.At("E0403", at, fmt.Sprintf("%s is not a host of the service", name), "", "Choose among service.hosts.")
				e.report(dangling(d, eval.Range(n.at("hosts")), "the hosts of the service"))
			case taken[name] != nil:
				d := eval.At("E0404", at, fmt.Sprintf("%s is in two batches", name), "", "A host is deployed to once in a run.")
				e.report(dangling(d, eval.Range(taken[name].at("hosts")), "the first batch with it"))
			default:
				taken[name] = b
			}
		}
	}
	if len(blocks) > 0 && sizeOf(blocks[len(blocks)-1]) == nil && known {
		e.checkLeft(n, blocks, taken, serviceNames)
	}
	e.checkFiles(n)
	e.checkRest(n)
}

// checkLast finds what holds up the batch after the last one.
func (e *evaluator) checkLast(b *node) {
	for _, wait := range []struct {
		name string
		is   bool
	}{{"soak", get[Duration](e, b, "soak") > 0}, {"confirm", get[bool](e, b, "confirm")}} {
		if a := b.attrs[wait.name]; a != nil && wait.is {
			e.warnf("W0412", a.nameAt, "Remove it, or move it to the batch before.", "It holds up the next batch, and there is none.", "%s does nothing in the last batch", wait.name)
		}
	}
}

// checkLeft finds hosts that no batch takes.
func (e *evaluator) checkLeft(n *node, blocks []*node, taken map[string]*node, names []string) {
	for _, b := range blocks {
		if _, ok := e.hostNames(b); !ok || b.attrs["hosts"] == nil {
			return // another message says what is wrong with it
		}
	}
	var left []string
	for _, name := range names {
		if taken[name] == nil {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		last := blocks[len(blocks)-1]
		e.errorf("E0415", last.def, `Add batch "rest" { size = 1 } at the end.`, "They are "+diag.Fold(left)+".", "%d hosts are in no batch", len(left))
	}
}

// sizeOf is what makes a batch repeat until no host is left, nil where it
// names its hosts.
func sizeOf(b *node) *attribute {
	if a := b.attrs["size"]; a != nil {
		return a
	}
	return b.attrs["ramp"]
}

// vain warns of an argument that says nothing where it stands.
func vain(at hcl.Range, summary, detail, help string) diag.Diagnostic {
	d := eval.At("W0407", at, summary, detail, help)
	d.Severity = diag.Warning
	return d
}

// checkLabel checks that some host carries the label that an argument names.
func (e *evaluator) checkLabel(b *node, argument string) {
	by := get[string](e, b, argument)
	if by == "" {
		return
	}
	for _, h := range e.serviceHosts {
		if _, ok := h.Labels[by]; ok {
			return
		}
	}
	e.noLabel(b, argument, by, e.allLabels())
}

// checkNearness checks the labels that say which hosts are near each other.
// That those of one environment have none of it does no harm.
func (e *evaluator) checkNearness(transport *node) {
	for _, argument := range []string{"relay", "mirror_by"} {
		if transport.attrs[argument] == nil {
			continue
		}
		by, known := get[string](e, transport, argument), e.allLabels()
		if by != "" && !slices.Contains(known, by) {
			e.noLabel(transport, argument, by, known)
		}
	}
}

func (e *evaluator) noLabel(b *node, argument, by string, known []string) {
	d := eval.At("E0212", b.at(argument), fmt.Sprintf("no host carries a label %q", by), eval.Listing("The labels are", known), "")
	if near := diag.Nearest(by, known); near != "" {
		d.Help = fmt.Sprintf("Did you mean %q?", near)
	}
	e.report(d)
}

// checkFiles finds files inside the directory that releases live in.
func (e *evaluator) checkFiles(n *node) {
	t := n.first("transport")
	dir := path.Clean(get[string](e, t, "path"))
	if t == nil || dir == "." {
		return
	}
	for _, f := range n.all("file") {
		if inside := path.Clean(f.name()); inside == dir || strings.HasPrefix(inside, dir+"/") {
			e.report(dangling(eval.At("E0407", f.nameAt(), "the file lies where releases live",
				"A release replaces what is below the transport's path.", "Put the file elsewhere, or name it in shared."), eval.Range(t.at("path")), "releases live here"))
		}
	}
}

// checkRest holds the rules that need two blocks.
func (e *evaluator) checkRest(n *node) {
	if r, d := n.first("restart"), n.first("drain"); r != nil && d != nil && r.kind.Name == "none" {
		w := eval.At("W0403", r.def, "the host is drained for nothing", "Nothing is restarted, so nothing needs to be out of service.", "Remove drain, or say how the service is restarted.")
		w.Severity = diag.Warning
		e.report(dangling(w, eval.Range(d.def), "the drain"))
	}
	for _, c := range n.all("check") {
		from := get[string](e, c, "from")
		switch kind := c.kind.Name; {
		case kind == "systemd" && from == "deployer":
			e.errorf("E0409", c.at("from"), `Remove from, or write from = "host".`, "The deployer cannot see the units of a host.", "a systemd check is asked on the host")
		case kind == "log" && from == "deployer":
			e.errorf("E0409", c.at("from"), `Remove from, or write from = "host".`, "The deployer cannot read the logs of a host.", "a log check is asked on the host")
		case kind == "prometheus" && c.attrs["from"] != nil && from == "host":
			e.errorf("E0409", c.at("from"), `Remove from, or write from = "deployer".`, "Hosts need no way to the Prometheus.", "a prometheus check is asked from the deployer")
		}
	}
	for _, h := range n.all("hook") {
		at := h.attrs["at"]
		if at == nil {
			continue
		}
		if once := h.attrs["once"]; once != nil && atRun(at) && get[bool](e, h, "once") && get[string](e, h, "from") == "deployer" {
			e.report(vain(once.expr.Range(), "once says nothing here", "A hook of the run from the deployer runs once anyway.", "Remove once."))
		}
	}
	if r := n.first("rollback"); r != nil && r.attrs["scope"] != nil && get[string](e, r, "scope") == "batch" && len(n.all("batch")) == 0 {
		e.errorf("E0416", r.at("scope"), "Add batch blocks, or write \"host\" or \"run\".", "", "scope is batch, and there are no batches")
	}
}
