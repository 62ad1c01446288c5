package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/chromedp/chromedp"
)

// drawAgain puts a section on the page, gives the focus to its button, draws
// the section anew, and tells what has the focus then, and what the section is.
const drawAgain = `(async ([from, to]) => {
	const { sections } = await import("/assets/morph.js");
	const section = document.createElement("div");
	section.id = "section-test";
	section.innerHTML = from;
	document.body.append(section);
	section.querySelector("button").focus();
	sections([{ Name: "test", HTML: to }]);
	const told = [document.activeElement.textContent, section.innerHTML];
	if (document.activeElement === document.body) told[0] = "";
	section.remove();
	return told;
})(%s)`

// keepsFocus holds the page to what it owes a person whose finger is on a key
// while the server draws anew: what is the same keeps the focus, and what came
// in its place does not get it.
func (s *webSite) keepsFocus() {
	s.Helper()
	const skip, retry = `<button value="skip 22 a">Leave a out</button>`, `<button value="retry 23 a">Try a again</button>`
	for name, c := range map[string]struct{ from, to, focus string }{
		"nothing changes":             {"\n<p>" + skip + "</p>", "\n<p>" + skip + "</p>", "Leave a out"},
		"another event was seen last": {skip, `<button value="skip 97 a">Leave a out</button>`, "Leave a out"},
		"a line comes before":         {"<ul><li>one</li></ul>" + skip, "<p>new</p><ul><li>one</li></ul>" + skip, "Leave a out"},
		"what was before goes":        {"<p>old</p><h2>old</h2>" + skip + "<p>text</p>", skip + "<p>text</p>", "Leave a out"},
		"another button comes before": {skip, retry + skip, "Leave a out"},
		"another wish":                {skip, retry, ""},
		"another host":                {skip, `<button value="skip 22 b">Leave b out</button>`, ""},
		"the same choice of another question": {
			`<button value="answer 22 go">go</button>`, `<button value="answer 31 go">go</button>`, "",
		},
		"one of another part": {
			`<details id="skip" open=""><button value="retry 22">again</button></details>`,
			`<details id="retry"><button value="retry 23">again</button></details>`, "",
		},
		"nothing is left": {skip, "", ""},
	} {
		args, _ := json.Marshal([]string{c.from, c.to})
		ctx, cancel := context.WithTimeout(s.tab, limit)
		got, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(drawAgain, args), chromedp.EvalAwaitPromise))
		cancel()
		if err != nil {
			s.lost(name, err)
		}
		if got[0] != c.focus || got[1] != c.to {
			s.Errorf("%s: the focus is on %q, want %q, in %s", name, got[0], c.focus, got[1])
		}
	}
}
