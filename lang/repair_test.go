package lang_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"shipit/lang"
	"shipit/lang/diag"
)

const fixable = `variable "workers" {
  type    = number
  default = 4
}
locals {
  seeds = { eqiad = "10.0.0.1" }
  first = local.seeds.eqiad
}
environment "production" {
  hosts  = hosts.web
  values = { workers = 8 }
}
hosts "web" {
  names  = expand("wéb[1-3]")
  labels = { dc = "eqiad" }
}
service "demo" {
  hosts = env.hosts
  description = "x"
  release {
    repo   = "repo.git"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "srv/demo"
  }
  restart "systemd" {
    unit = "demo.service"
  }
  file "etc/demo" {
    content = "é ${upper(host.name)} ${var.workers}"
    mode    = "0640"
  }
  check "command" "curl" {
    run = ["curl", "-w", "%%{http_code}", "http://localhost/", local.first]
    at  = "finish"
  }
  hook "x" {
    at    = "after_restart"
    shell = "echo é $${HOME} $${USER:-x}"
  }
}
`

func repair(text string) lang.Repaired {
	text = strings.ReplaceAll(text, "wéb", "web")
	return lang.Repair(fstest.MapFS{"main.hcl": {Data: []byte(text)}}, "main.hcl", lang.Options{}, nil)
}

// broken are mistakes in fixable, each with a certain answer.
var broken = [][2]string{
	{"type    = number", "type    = nubmer"},
	{"local.seeds.eqiad", "local.seeds.eqaid"},
	{"local.seeds.eqiad", "local.seedss.eqiad"},
	{"values = {", "vaules = {"},
	{"{ workers = 8", "{ wrokers = 8"},
	{"environment \"prod", "enviroment \"prod"},
	{"= hosts.web", "= hosts.wbe"},
	{"env.hosts", "env.hsots"},
	{"upper(", "uper("},
	{"host.name)", "host.nmae)"},
	{"var.workers", "var.worker"},
	{"\"systemd\"", "\"sytemd\""},
	{"restart \"", "retsart \""},
	{"description = \"x\"", "description: \"x\""},
	{"description = \"x\"", "\"description\":\"x\""},
	{"\"%%{http_code}\"", "\"%{http_code}\""},
	{"$${HOME}", "${HOME}"},
	{"$${USER:-x}", "${USER:-x}"},
	{"\"0640\"", "0640"},
	{"\"0640\"", "640"},
	{"\"finish\"", "\"finsh\""},
	{"content =", "contnet ="},
}

func TestFixableIsValid(t *testing.T) {
	t.Parallel()
	if r := repair(fixable); len(r.Diags)+len(r.Done) > 0 {
		t.Error(show(r.Diags))
	}
}

func TestEachCertainMistakeIsFixed(t *testing.T) {
	t.Parallel()
	want := strings.ReplaceAll(fixable, "wéb", "web")
	for _, b := range broken {
		for _, crlf := range []bool{false, true} {
			text, want := strings.Replace(want, b[0], b[1], 1), want
			if text == want {
				t.Fatalf("%q is not there", b[0])
			}
			if crlf {
				text = "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n")
				want = "\ufeff" + strings.ReplaceAll(want, "\n", "\r\n")
			}
			r := repair(text)
			if len(r.Done) != 1 || len(r.Diags) > 0 {
				t.Errorf("%q: %d fixes; left:\n%s", b[1], len(r.Done), show(r.Diags))
				continue
			}
			if diff := cmp.Diff(want, string(r.Texts["main.hcl"])); diff != "" {
				t.Errorf("%q (-want +got):\n%s", b[1], diff)
			}
			f := r.Done[0].Fix
			plain := strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
			line := strings.Split(plain, "\n")[f.Range.Start.Line-1]
			before := plain[strings.LastIndex(plain[:f.Range.Start.Byte], "\n")+1 : f.Range.Start.Byte]
			if !strings.HasPrefix(line, before) || len([]rune(before))+1 != f.Range.Start.Column {
				t.Errorf("%q: the fix is at %+v, which is not where its byte is", b[1], f.Range.Start)
			}
		}
	}
}

// Where there is room for doubt, nothing is done.
func TestDoubtfulMistakesAreLeft(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][2]string{
		"two are near":                      {"host.name)", "hostss.name)"},
		"set already":                       {"  description = \"x\"\n", "  description = \"x\"\n  descripton = \"y\"\n"},
		"misspelt twice":                    {"  description = \"x\"\n", "  descrption = \"x\"\n  descripton = \"y\"\n"},
		"a second of a block that is alone": {"  restart \"", "  retsart \"none\" {}\n  restart \""},
		"a local that would need itself":    {"local.seeds.eqiad", "local.frist"},
		"a label":                           {"host.name)", "host.labels.dcc)"},
		"another number":                    {"var.workers", "var.workers2"},
		"a URL with a shell variable":       {"description = \"x\"", "description = \"${HOME}\""},
		"a number that is no mode":          {"default = 4", "default = 0444"},
		"a mode of three digits and a zero": {"\"0640\"", "064"},
		"an object after a colon":           {"values = {", "values: {"},
		"JSON":                              {"description = \"x\"", "\"description\": \"x\","},
		"a directive":                       {"%%{http_code}", "%{edn}"},
		"a bare number for a duration":      {"at  = \"finish\"", "within = 30"},
		"an argument that means a block":    {"  description = \"x\"\n", "  chek = \"x\"\n"},
	} {
		text := strings.Replace(fixable, b[0], b[1], 1)
		if text == fixable {
			t.Fatalf("%s: %q is not there", name, b[0])
		}
		if r := repair(text); len(r.Done) > 0 || len(r.Texts) > 0 || !r.Diags.HasErrors() {
			t.Errorf("%s: done %+v; left:\n%s", name, r.Done, show(r.Diags))
		}
	}
}

func TestRepairReachesIncludedFilesAndNoOthers(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"main.hcl":  {Data: []byte("include = [\"fleet.hcl\"]\n" + strings.Replace(fixable, "hosts \"web\" {\n  names  = expand(\"wéb[1-3]\")\n  labels = { dc = \"eqiad\" }\n}\n", "", 1))},
		"fleet.hcl": {Data: []byte("hosts \"web\" {\n  naems = [\"a\"]\n}\n")},
		"other.hcl": {Data: []byte("hosts \"web\" {\n  naems = [\"a\"]\n}\n")},
	}
	r := lang.Repair(files, "main.hcl", lang.Options{}, nil)
	if len(r.Diags) > 0 || len(r.Texts) != 1 || string(r.Texts["fleet.hcl"]) != "hosts \"web\" {\n  names = [\"a\"]\n}\n" {
		t.Errorf("got %q; left:\n%s", r.Texts, show(r.Diags))
	}
	if string(r.Before["fleet.hcl"]) != string(files["fleet.hcl"].Data) {
		t.Errorf("before: %q", r.Before)
	}
}

var word = regexp.MustCompile(`[a-z_]{3,}`)

// TestRepairingSettles mistypes words of a definition at random. Whatever is
// repaired then has no fix left, repairing again changes nothing, and there
// is no mistake that repairing made.
func TestRepairingSettles(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("../testdata/lang/full.txtar")
	if err != nil {
		t.Fatal(err)
	}
	g := parseGolden(a)
	texts := []string{fixable, string(g.files["main.hcl"].Data)}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(t, "text")
		for range rapid.IntRange(1, 4).Draw(t, "mistakes") {
			if rapid.Bool().Draw(t, "known") {
				b := rapid.SampledFrom(broken).Draw(t, "mistake")
				text = strings.Replace(text, b[0], b[1], 1)
				continue
			}
			words := word.FindAllStringIndex(text, -1)
			at := words[rapid.IntRange(0, len(words)-1).Draw(t, "word")]
			i := rapid.IntRange(at[0], at[1]-2).Draw(t, "letter")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				text = text[:i] + text[i+1:i+2] + text[i:i+1] + text[i+2:]
			case 1:
				text = text[:i] + text[i+1:]
			default:
				text = text[:i] + "x" + text[i:]
			}
		}
		files := fstest.MapFS{}
		for name, f := range g.files {
			files[name] = f
		}
		files["main.hcl"] = &fstest.MapFile{Data: []byte(text)}
		r := lang.Repair(files, "main.hcl", lang.Options{}, nil)
		_, before := lang.Load(files, "main.hcl", lang.Options{})
		for name, text := range r.Texts {
			files[name] = &fstest.MapFile{Data: text}
		}
		again := lang.Repair(files, "main.hcl", lang.Options{}, nil)
		if len(again.Done) > 0 || len(again.Texts) > 0 {
			t.Fatalf("a second repair did %+v after %+v", again.Done, r.Done)
		}
		if show(again.Diags) != show(r.Diags) {
			t.Fatalf("what is left differs from what is found:\n%s", cmp.Diff(show(r.Diags), show(again.Diags)))
		}
		if len(r.Done) > 0 && !structural(before) && structural(r.Diags) {
			t.Fatalf("repairing broke the text: %+v\n%s", r.Done, show(r.Diags))
		}
	})
}

// structural tells whether the text itself cannot be read.
func structural(l diag.List) bool {
	for _, d := range l {
		if d.Code == "E0101" || d.Code == "E0110" || d.Code >= "E0125" && d.Code < "E0134" {
			return true
		}
	}
	return false
}
