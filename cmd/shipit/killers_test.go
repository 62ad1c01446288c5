package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKillersGetAnOrdinaryAnswer gives the program what has taken programs of
// this kind down. Each answer is a message with a code, soon, and shows
// nothing that a terminal would obey.
func TestKillersGetAnOrdinaryAnswer(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	const loops = `a = [for i in range(0, 330) : [for j in range(0, 330) : j]]`
	for name, test := range map[string]struct{ locals, want string }{
		"parentheses":        {"a = " + many("(", 100_000) + "1" + many(")", 100_000), "E0105"},
		"brackets":           {"a = " + many("[", 100_000), "E0105"},
		"templates":          {"a = " + many(`"${`, 100_000), "E0105"},
		"minus":              {"a = " + many("-", 100_000) + "1", "E0106"},
		"digits":             {"a = " + many("9", 100_000), "E0107"},
		"exponent":           {`a = "x${1e20000000}"`, "E0107"},
		"exponent of text":   {`a = "1e20000000" + 1`, "E0107"},
		"wide format":        {`a = format("%99999999d", 1)`, "E0310"},
		"nested loops":       {"a = [for i in [1] : [for j in [1] : [for k in [1] : 1]]]", "E0122"},
		"long loops":         {loops, "E0124"},
		"doubling":           {"a0 = \"xxxxxxxxxxxxxxxx\"\n" + doubling(40), "E0124"},
		"doubling lists":     {"a0 = [1, 2]\n" + strings.NewReplacer(`"${`, "concat(", "}${", ", ", `}"`, ")").Replace(doubling(40)), "E0124"},
		"growth":             {"a0 = \"xxxxxxxxxxxxxxxx\"\n" + doubling(15) + `b = replace(local.a15, "x", local.a15)`, "E0310"},
		"ranges":             {`a = expand("[1-20000][1-20000][1-20000]")`, "E0309"},
		"circle":             {"a = local.b\nb = local.a", "E0209"},
		"large file":         {"a = 1\n# " + many("x", 1<<20), "E0104"},
		"many attributes":    {attributes(2_000), ""},
		"control characters": {"a = \"\x1b[2J\x1b]0;owned\x07\u202e\u2066\u200b\" + \x07", "E01"},
		"bidi in a name":     {"a\u202e = 1", "E01"},
		"bidi in a value":    {"a = hosts.\"x\u202e\"", "E01"},
		"bidi in a comment":  {"a = nope # \u202e\x1b[31m", "E0201"},
		"carriage returns":   {"a = 1 +\r\rb = 2", "E01"},
		"nothing but zeros":  {many("\x00", 10_000), "E01"},
		"a mistake a line":   {many("\x00\n", 60_000), "E01"},
		"a name a line":      {many("a = b\n", 20_000), "E01"},
		"unclosed":           {"a = <<E\n" + many("x\n", 10_000), "E01"},
		"deep JSON":          {`a = jsondecode("` + many("[", 20_000) + `")`, "E0310"},
		"billion laughs":     {`a = yamldecode("` + laughs(9) + `")`, "E0310"},
		"deep YAML":          {`a = yamldecode("` + many("[", 20_000) + `")`, "E0310"},
		"regular expression": {`a = regex("((x{100}){100}){100}", "x")`, "E0310"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, "def.hcl", "locals {\n"+test.locals+"\n}\n"+smallest)
			for _, command := range commandsThatMeet(test.want) {
				args := []string{command, file}
				if command == "fmt" {
					args = append(args, "--check", "--diff")
				}
				before := time.Now()
				got := finish(t, program(t, strings.NewReader("local.a\n"), args...))
				// Far more than it takes: the machine may be busy.
				if d := time.Since(before); d > 5*time.Second*slack {
					t.Errorf("%s took %s", command, d)
				}
				said := got.stdout + got.stderr
				if strings.ContainsAny(said, "\x1b\x07\x00\r\u202e\u2066\u200b") {
					t.Errorf("%s says %q", command, said)
				}
				if strings.Contains(said, "goroutine ") || got.code != 0 && got.code != exitFailed && !(command == "fmt" && got.code == exitDifferences) {
					t.Errorf("%s exits with %d and says %.500s", command, got.code, said)
				}
				if command == "validate" && (test.want == "") != (got.code == 0) || command == "validate" && !strings.Contains(said, test.want) {
					t.Errorf("%s exits with %d, want %q; it says %.500s", command, got.code, test.want, said)
				}
			}
		})
	}
}

// commandsThatMeet are the commands that come to where the mistake is: fmt does
// not evaluate, and console evaluates nothing where the text is wrong.
func commandsThatMeet(code string) []string {
	switch code {
	case "":
		return []string{"validate", "fmt", "console"}
	case "E01", "E0104", "E0105", "E0106", "E0107":
		return []string{"validate", "fmt"}
	default:
		return []string{"validate", "console"}
	}
}

// TestLinksLeadNowhere holds that nothing of a file outside of the repository
// is shown by way of a link in it.
func TestLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeTo(t, root+"/outside/secret.hcl", "canary22 = = 1\n")
	writeTo(t, root+"/outside/list", "canary22\n")
	writeTo(t, root+"/repo/.git/HEAD", "")
	for link, to := range map[string]string{
		"file.hcl": "../outside/secret.hcl", "absolute.hcl": root + "/outside/secret.hcl", "dir": "../outside", "chain.hcl": "file.hcl", "list": "../outside/list",
	} {
		if err := os.Symlink(to, filepath.Join(root, "repo", link)); err != nil {
			t.Fatal(err)
		}
	}
	lists := strings.Replace(smallest, "names = [\"web1\"]", "from_file = \"list\"", 1)
	for name, text := range map[string]string{
		"include.hcl": "include = [\"file.hcl\"]\n" + smallest, "through.hcl": "include = [\"dir/secret.hcl\"]\n" + smallest,
		"up.hcl": "include = [\"../outside/secret.hcl\"]\n" + smallest, "lists.hcl": lists,
		"function.hcl": "locals {\n  a = file(\"dir/list\")\n}\n" + smallest,
	} {
		writeTo(t, root+"/repo/"+name, text)
	}
	for _, file := range []string{
		"file.hcl", "absolute.hcl", "chain.hcl", "dir/secret.hcl", "include.hcl", "through.hcl", "up.hcl", "lists.hcl", "function.hcl",
	} {
		for _, command := range []string{"validate", "console", "fmt"} {
			args := []string{command, root + "/repo/" + file}
			if command == "fmt" {
				args = append(args, "--diff")
			}
			got := finish(t, program(t, strings.NewReader("local.a\n"), args...))
			if strings.Contains(got.stdout+got.stderr, "canary22") {
				t.Errorf("%s %s shows the file outside:\n%s%s", command, file, got.stdout, got.stderr)
			}
			if command == "validate" && got.code != exitFailed {
				t.Errorf("%s %s exits with %d", command, file, got.code)
			}
		}
	}
}

const smallest = `
hosts "web" {
  names = ["web1"]
}
service "demo" {
  hosts = hosts.web
  release {
    repo   = "repo"
    scheme = "v{semver}"
  }
  transport "push" {
    path = "srv/demo"
  }
  restart "none" {}
}
`

// doubling are locals each of which is twice the one before.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("NEW", strconv.Itoa(i+1), "OLD", strconv.Itoa(i)).Replace("aNEW = \"${local.aOLD}${local.aOLD}\"\n"))
	}
	return b.String() + "a = local.a" + strconv.Itoa(n) + "\n"
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("b" + strconv.Itoa(i) + " = upper(\"x\")\n")
	}
	return b.String() + "a = local.b1"
}

// slack is for machines that do several things at once, and the race detector.
const slack = 3

// laughs is YAML as it stands in a string of HCL, in which each of n lines
// names the one before ten times.
func laughs(n int) string {
	text := `a0: &a0 lol\n`
	for i := 1; i <= n; i++ {
		text += fmt.Sprintf(`a%d: &a%d [%s]\n`, i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	return text
}
