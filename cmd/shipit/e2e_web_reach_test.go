package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"shipit/exec/event"
)

// reachable holds a page to what people need who see little, use no mouse or
// hold a phone: it is as wide as the window, its text can be read in the light
// and in the dark, and whatever takes the focus has a name.
func (s *webSite) reachable(page string) {
	s.Helper()
	s.noScroll(page)
	for _, scheme := range []string{"dark", "light"} {
		s.scheme(scheme)
		if worst := s.eval(contrast); worst != "" {
			s.Errorf("%s: in the %s there is text that is hard to read: %s", page, scheme, worst)
		}
	}
	s.do("the tree of "+page, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return err
		}
		seen := 0
		for _, n := range tree.Nodes {
			if n.Ignored || !has(n, "focusable", "true") {
				continue
			}
			role := said(n.Role)
			if role == "RootWebArea" || role == "main" {
				continue
			}
			if seen++; strings.TrimSpace(said(n.Name)) == "" {
				s.Errorf("%s: a %s that takes the focus has no name", page, role)
			}
		}
		if seen < 3 {
			s.Errorf("%s: only %d things take the focus", page, seen)
		}
		for _, n := range tree.Nodes { // what changes is said when there is a pause, what fails at once
			if role := said(n.Role); role == "status" && !has(n, "live", `"polite"`) || role == "alert" && !has(n, "live", `"assertive"`) {
				s.Errorf("%s: a %s is said with %v", page, role, n.Properties)
			}
		}
		return nil
	}))
}

func said(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}

func has(n *accessibility.Node, name, value string) bool {
	return slices.ContainsFunc(n.Properties, func(p *accessibility.Property) bool {
		return string(p.Name) == name && p.Value != nil && bytes.Equal(bytes.TrimSpace(p.Value.Value), []byte(value))
	})
}

// press types keys, one after the other, once the page's script hears them.
func (s *webSite) press(keys ...string) {
	s.Helper()
	s.until(`document.readyState === "complete"`)
	for _, k := range keys {
		s.do("press "+k, chromedp.KeyEvent(k))
	}
}

// focused waits for something to have the focus.
func (s *webSite) focused(selector string) {
	s.Helper()
	s.until(fmt.Sprintf("document.activeElement.matches(%q)", selector))
}

// aHost goes to the page of the host at which the run waits, sees it live, and
// then to that of one which was not begun: that is left out, and tried again
// from the page of the run.
func (s *webSite) aHost(run string) {
	s.Helper()
	s.press("h")
	s.focused(".hosts a")
	s.press(kb.Enter)
	s.until(`location.pathname.includes("/hosts/")`)
	s.says("#section-host-state", "hook")
	s.says("#section-host-timeline", "under way")
	s.says("#log", "the end")
	s.says("#typed", "shipit logs "+run)
	s.press("]")
	s.says("#section-host-actions", "out")
	name := s.eval(`document.querySelector("h1").textContent`)
	s.press("s")
	s.focused(`button[value^="skip "]`)
	s.press(kb.Enter)
	s.says("#told", "is left out")
	s.says("#section-host-actions", "again")
	s.says("#log", "is left out") // it came by the stream of that host
	s.reachable("a host")
	s.open("/runs/" + run)
	s.press("r")
	s.focused("#retry select")
	s.do("choose "+name, chromedp.SetValue(chromedp.CSS("#retry select"), name), chromedp.Click(chromedp.CSS(`#retry button`)))
	s.says("#told", "again")
	s.until(`!document.querySelector("#retry")`)
}

// aHostThen looks at what is left of a host when the run is over.
func (s *webSite) aHostThen(run string) {
	s.Helper()
	s.open("/runs/" + run)
	s.do("the first host", chromedp.Click(chromedp.CSS(".hosts a")))
	s.until(`location.pathname.includes("/hosts/")`)
	s.press("/")
	s.focused("#find")
	s.press(kb.Backspace) // a key of the driver types even where the page has taken it
	s.do("search", chromedp.SendKeys(chromedp.CSS("#find"), "the end"))
	s.says("#found", " found")
	found := s.eval(`document.querySelector("#found").textContent`)
	s.press(kb.Enter)
	s.until(`location.search.includes("q=the+end") && document.readyState === "complete"`)
	if rows := s.eval(`document.querySelectorAll(".log .row").length`); rows == "0" || rows+" found" != found {
		s.Errorf("the search of the host's records finds %s; while typing it was %s", rows, found)
	}
}

// manyHosts records a run of so many hosts that each is a cell, and goes from
// one to the other by keys.
func (s *webSite) manyHosts(dir string) {
	s.Helper()
	const many = 30
	const run = "20150612T120000Z-many"
	var hosts []string
	for i := range many {
		hosts = append(hosts, fmt.Sprintf("rb%02d.example.org", i+1))
	}
	record(s.T, dir, run, "large", hosts,
		event.Event{Type: event.RunStarted, Text: "started"},
		event.Event{Type: event.RunFinished, Outcome: event.Refused, Text: "the run is over: refused"},
	).Close()
	s.open("/runs/" + run)
	s.reachable("a run of many hosts")
	s.press("h")
	name := func() string { return s.eval(`document.activeElement.title.split(".")[0]`) }
	for _, step := range []struct{ key, want string }{
		{kb.ArrowRight, "rb02"}, {kb.ArrowLeft, "rb01"}, {kb.End, "rb30"}, {kb.ArrowRight, "rb30"}, {kb.Home, "rb01"},
	} {
		if s.press(step.key); name() != step.want {
			s.Errorf("a key leads to the host %s, want %s", name(), step.want)
		}
	}
	s.press(kb.ArrowDown)
	if s.eval(`(() => { const r = (e) => e.getBoundingClientRect(), a = r(document.querySelector(".cell")), b = r(document.activeElement); return a.left === b.left && a.top < b.top })()`) != "true" {
		s.Errorf("below the first host is %s", name())
	}
	below := name()
	s.press(kb.Enter)
	s.says("h1", below)
}
