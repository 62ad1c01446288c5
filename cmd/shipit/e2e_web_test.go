package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"shipit/exec/journal"
	"shipit/lang/diag/diagtest"
)

// browser starts a Chromium for a test; it skips where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := osexec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium here (Debian: apt install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Env("HOME="+t.TempDir()))
	ctx, done := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(done)
	ctx, over := chromedp.NewContext(ctx)
	t.Cleanup(over)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("cannot start %s: %v", path, err)
	}
	return ctx
}

// A webSite is a lab, a server of its page, and a browser that looks at it.
type webSite struct {
	*testing.T
	dir         string
	env         []string
	definitions string // for the server
	listen      string
	server      *osexec.Cmd
	address     string // with the token
	tab         context.Context
}

// hostileHook prints what is not to be believed, and then waits.
const hostileHook = `
  hook "hostile" {
    at     = "before_restart"
    shell  = "cat '%s'; touch '%s/began'; until [ -e '%[2]s/go' ]; do sleep 0.05; done"
    within = "60s"
  }
`

func newWebSite(t *testing.T) *webSite {
	t.Helper()
	s := &webSite{T: t, tab: browser(t), env: program(t, nil).Env, dir: t.TempDir()}
	path := program(t, nil).Path
	s.Cleanup(func() {
		down := osexec.Command(path, "lab", "down", "--dir", s.path("lab"))
		down.Env = s.env
		_ = down.Run()
	})
	s.shipit("lab", "up", "--hosts", "3", "--dir", s.path("lab"))
	var text strings.Builder
	for _, sample := range diagtest.Hostile() {
		if len(sample.Text) < 4000 {
			text.WriteString(sample.Text + "\n")
		}
	}
	text.WriteString("</ol></pre></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\nthe end\n")
	writeTo(t, s.path("hostile"), text.String())
	definition, err := os.ReadFile(s.path("lab/hello.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	i := strings.LastIndex(string(definition), "}")
	writeTo(t, s.path("lab/hello.hcl"), string(definition[:i])+fmt.Sprintf(hostileHook, s.path("hostile"), s.dir)+"}\n")
	s.listen, s.definitions = "127.0.0.1:0", s.path("lab")
	s.serve()
	return s
}

// repository is one with the definition of the lab.
func (s *webSite) repository() string {
	s.Helper()
	dir := s.path("deploy.git")
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", dir},
		{"-C", dir, "--work-tree", s.path("lab"), "add", "hello.hcl", "hello-fleet.hcl"},
		{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "the lab"},
	} {
		cmd := osexec.Command("git", args...)
		cmd.Env = s.env
		if out, err := cmd.CombinedOutput(); err != nil {
			s.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	return dir + "@main"
}

func (s *webSite) path(name string) string { return filepath.Join(s.dir, name) }

func (s *webSite) shipit(args ...string) ending {
	s.Helper()
	cmd := program(s.T, nil, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	return finish(s.T, cmd)
}

// serve starts the server, as often as wanted at the same address.
func (s *webSite) serve() {
	s.Helper()
	cmd := program(s.T, nil, "serve", "--listen", s.listen, "--definitions", s.definitions)
	cmd.Env, cmd.Dir = s.env, s.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	said := bufio.NewReader(out)
	line, err := said.ReadString('\n')
	if err != nil {
		s.Fatalf("the server says nothing: %v", err)
	}
	go io.Copy(io.Discard, said)
	s.server, s.address = cmd, strings.TrimSpace(line)
	u, err := url.Parse(s.address)
	if err != nil {
		s.Fatal(err)
	}
	s.listen = u.Host
	s.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// do does things in the browser, within a limit.
func (s *webSite) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.tab, limit)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		s.lost(what, err)
	}
}

// lost ends the test with what the page says.
func (s *webSite) lost(what string, err error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.tab, limit)
	defer cancel()
	page, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	s.Fatalf("%s: %v; the page says:\n%s", what, err, page)
}

// until waits for an expression to hold on the page, over reloads.
func (s *webSite) until(expression string) {
	s.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(s.tab, limit)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(end) {
			s.lost("until "+expression, err)
		}
	}
}

func (s *webSite) says(id, text string) {
	s.Helper()
	quoted, _ := json.Marshal(text)
	s.until(fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%s)`, id, quoted))
}

func (s *webSite) eval(expression string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.tab, limit)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		s.lost(expression, err)
	}
	return got
}

// scheme is what the system of the person prefers.
func (s *webSite) scheme(name string) {
	s.Helper()
	s.do(name, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

func (s *webSite) open(path string) {
	s.Helper()
	s.do("open "+path, chromedp.Navigate("http://"+s.listen+path))
}

// TestE2EWeb plays what a person does in a browser: start a plan and its
// apply, watch it, lose the server, answer and abort; by mouse and by keys, on
// a phone and in the dark.
func TestE2EWeb(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("end-to-end tests are not short")
	}
	s := newWebSite(t)

	// The token leaves the address.
	s.do("open the server", chromedp.Navigate(s.address))
	s.says("h1", "Runs")
	if at := s.eval("location.search"); at != "" {
		t.Errorf("the address still has %q", at)
	}
	if cookie := s.eval("document.cookie"); cookie != "" {
		t.Errorf("scripts see the cookie %q", cookie)
	}

	// Plan and apply by keys alone.
	s.open("/start")
	s.tabTo("button")
	s.do("plan", chromedp.KeyEvent(kb.Enter))
	s.says("#digest", "sha256:")
	s.says("main", "Batch canary")
	s.tabTo("form.apply button")
	s.do("apply", chromedp.KeyEvent(kb.Enter))
	s.until(`location.pathname.startsWith("/runs/")`)
	run := strings.TrimPrefix(s.eval("location.pathname"), "/runs/")

	// It is live, and what hosts print is text.
	eventually(t, "the hook began", func() error { _, err := os.Stat(s.path("began")); return err })
	s.says("#log", "the end")
	s.says("#section-grid", "hook")
	if title := s.eval("document.title"); strings.Contains(title, "owned") {
		t.Error("what a host printed was run")
	}
	if n := s.eval(`document.querySelectorAll("#log img, #log script").length`); n != "0" {
		t.Errorf("what hosts printed became %s elements", n)
	}
	log := s.eval(`document.querySelector("#log").innerText`)
	if why := diagtest.Problem(log); why != "" || !strings.Contains(log, "</script><script>") {
		t.Errorf("what hosts printed is not inert, or not shown: %s\n%s", why, log)
	}

	// The server dies and comes back; the run does neither.
	before := s.eval(`document.querySelectorAll("#log .row").length`)
	_ = s.server.Process.Signal(syscall.SIGKILL)
	_ = s.server.Wait()
	s.says("#connection", "The connection is lost")
	s.definitions = s.repository()
	s.serve()
	s.until(`document.getElementById("connection").hidden`)
	if got := s.eval(`new Set([...document.querySelectorAll("#log .row")].map(r => r.id)).size + "/" + document.querySelectorAll("#log .row").length`); got != before+"/"+before {
		t.Errorf("after the server came back there are %s rows, want %s", got, before)
	}

	s.keepsFocus()

	// Hosts have pages of their own.
	s.aHost(run)

	// Pause by a key, abort by a click; the terminal's journal says who.
	s.do("p", chromedp.KeyEvent("p"))
	s.do("press it", chromedp.KeyEvent(kb.Enter))
	s.says("#told", "paused by")
	s.says("#sentence", "Paused by")
	s.says("#heard", "paused by")
	s.until(`document.querySelector('button[value^="continue "]')`)
	s.narrow()
	s.do("abort", chromedp.Click(chromedp.CSS("#abort summary")), chromedp.Click(chromedp.CSS(`#abort button`)))
	s.says("#told", "no new host starts")
	writeTo(t, s.path("go"), "")
	s.says("#section-question", "A question")
	s.do("answer", chromedp.Click(chromedp.CSS(`.question button[value$=" leave"]`)))
	s.says("#sentence", "aborted")
	s.until(`!document.querySelector("#abort")`)

	state := ""
	for _, kv := range s.env {
		if dir, ok := strings.CutPrefix(kv, "XDG_STATE_HOME="); ok {
			state = filepath.Join(dir, "shipit", "runs")
		}
	}
	_, events, err := journal.Read(journal.Dir(state).Path(run))
	if err != nil {
		t.Fatal(err)
	}
	var did []string
	for _, e := range events {
		if e.Intent > 0 && e.By != "" {
			did = append(did, string(e.Type))
		}
	}
	if got := strings.Join(did, " "); got != "host.skipped host.retried paused aborted answered" {
		t.Errorf("the journal has of what was clicked: %s", got)
	}

	// Everything of a run that is over, and how it was.
	for _, page := range []string{"log?q=the+end", "timeline", "plan", "replay?at=3"} {
		s.open("/runs/" + run + "/" + page)
		s.reachable(page)
	}
	s.aHostThen(run)
	s.manyHosts(state)
	for _, page := range []string{"/", "/start"} {
		s.open(page)
		s.reachable(page)
	}
	s.says("main", "@main at commit")
	s.open("/runs/" + run + "/replay?at=3")
	s.do("play", chromedp.SetValue(chromedp.CSS("#speed"), "100"), chromedp.Click(chromedp.CSS("#play")))
	s.says("#sentence", "aborted")
	s.whileItRuns()
}

// whileItRuns looks at the page of an apply --web.
func (s *webSite) whileItRuns() {
	s.Helper()
	if err := os.Remove(s.path("go")); err != nil {
		s.Fatal(err)
	}
	cmd := program(s.T, nil, "apply", s.path("lab/hello.hcl"), "--release", "release/2015-06-10/1", "--yes", "--web")
	cmd.Env, cmd.Dir = s.env, s.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	address := ""
	for said := bufio.NewScanner(out); address == "" && said.Scan(); {
		address, _ = strings.CutPrefix(said.Text(), "In a browser: ")
		if address == said.Text() {
			address = ""
		}
	}
	go io.Copy(io.Discard, out)
	s.do("open "+address, chromedp.Navigate(address))
	s.says("#section-grid", "hook")
	writeTo(s.T, s.path("go"), "")
	s.says("#sentence", "Apply complete")
	if err := cmd.Wait(); err != nil {
		s.Error(err)
	}
}

func TestARepositoryAndItsRef(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"https://git.example.org/deploy.git@main":      {"https://git.example.org/deploy.git", "main"},
		"https://git.example.org/deploy@release/1":     {"https://git.example.org/deploy", "release/1"},
		"ssh://git@git.example.org/deploy@v1":          {"ssh://git@git.example.org/deploy", "v1"},
		"git@git.example.org:deploy.git@main":          {"git@git.example.org:deploy.git", "main"},
		"/srv/deploy.git@main":                         {"/srv/deploy.git", "main"},
		"git@git.example.org:deploy.git":               {},
		"ssh://git@git.example.org/deploy":             {},
		"https://anna@git.example.org/deploy":          {},
		"https://git.example.org/deploy":               {},
		"https://git.example.org/deploy@":              {},
		"https://git.example.org/deploy@--upload-pack": {},
		"nowhere": {},
	} {
		url, ref, ok := splitRef(text)
		if [2]string{url, ref} != want || ok != (want[0] != "") {
			t.Errorf("splitRef(%s) = %q, %q, %v, want %q", text, url, ref, ok, want)
		}
	}
}

// tabTo presses Tab until what is wanted has the focus, which must be seen.
func (s *webSite) tabTo(selector string) {
	s.Helper()
	for range 40 {
		s.do("Tab", chromedp.KeyEvent(kb.Tab))
		if s.eval(fmt.Sprintf("document.activeElement.matches(%q)", selector)) == "true" {
			if style := s.eval("getComputedStyle(document.activeElement).outlineStyle"); style == "none" {
				s.Errorf("%s does not show that it has the focus", selector)
			}
			return
		}
	}
	s.Fatalf("Tab never comes to %s", selector)
}

// narrow looks at the live page as wide as a phone, light and dark. So wide it
// stays.
func (s *webSite) narrow() {
	s.Helper()
	s.do("a phone", chromedp.EmulateViewport(360, 740))
	light := s.eval("getComputedStyle(document.body).backgroundColor")
	s.scheme("dark")
	if dark := s.eval("getComputedStyle(document.body).backgroundColor"); dark == light {
		s.Errorf("in the dark the page is %s, too", dark)
	}
	s.reachable("the run")
}

// noScroll holds a page to the width of the window.
func (s *webSite) noScroll(page string) {
	s.Helper()
	if got := s.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"); got != "0" {
		s.Errorf("%s is %s pixels wider than a phone", page, got)
	}
}

// contrast finds the first text whose contrast is below 4.5 : 1.
const contrast = `(() => {
  const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const light = (c) => { const [r, g, b] = rgb(c).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return c; } return "rgb(255,255,255)"; };
  for (const e of document.querySelectorAll("main *, header *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.disabled) continue;
    const a = light(getComputedStyle(e).color), b = light(back(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) return e.outerHTML.slice(0, 120) + " " + ratio.toFixed(2);
  }
  return "";
})()`

// TestServeRefusesToListenBeyondThisMachine and says what would do.
func TestServeRefusesToListenBeyondThisMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, "--tls-cert"},
		{[]string{"--listen", "127.0.0.1:0", "--deployers", "anna"}, "--trusted-proxy"},
		{[]string{"--listen", "127.0.0.1:0", "--tls-cert", "x"}, "go together"},
		{[]string{"--listen", "unix:/x"}, "--trusted-proxy unix"},
		{[]string{"--listen", "127.0.0.1:0", "--trusted-proxy", "nonsense"}, "neither an address nor a network"},
	} {
		got := runWith(t, nil, append([]string{"serve"}, c.args...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, c.want) {
			t.Errorf("serve %q: exit code %d\n%s", c.args, got.code, got.stderr)
		}
	}
}
