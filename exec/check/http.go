package check

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// bodyLimit bounds what is read of an answer, here and on hosts.
const bodyLimit = 1 << 20

// An expected is what the answer of an HTTP check must be. One word of the
// definition means the same wherever the check is asked from: the texts of
// judge are those of http.sh.
type expected struct {
	status   []string // "204", "2xx"
	headers  map[string]string
	contains string
	pattern  *lang.Pattern
	json     []jsonValue
}

// A jsonValue is a value of a JSON body that is wanted.
type jsonValue struct {
	text string // of the path
	path lang.JSONPath
	want string
}

func expectedOf(c lang.Check) (e expected, err error) {
	switch v := c.Attrs["status"].(type) {
	case nil:
		e.status = []string{strconv.Itoa(http.StatusOK)}
	case []any:
		for i := range v {
			e.status = append(e.status, fmt.Sprint(v[i]))
		}
	default:
		e.status = []string{fmt.Sprint(v)}
	}
	e.headers, e.contains = c.Map("expect_headers"), c.Text("contains")
	if text := c.Text("matches"); text != "" {
		if e.pattern, err = lang.ParsePattern(text); err != nil {
			return e, err
		}
	}
	values := c.Map("json")
	for _, text := range slices.Sorted(maps.Keys(values)) {
		path, err := lang.ParseJSONPath(text)
		if err != nil {
			return e, err
		}
		e.json = append(e.json, jsonValue{text, path, values[text]})
	}
	return e, nil
}

// wanted are the statuses for people.
func (e expected) wanted() string { return strings.Join(e.status, " or ") }

// judge says why an answer is not the expected one.
func (e expected) judge(status int, headers http.Header, body string) error {
	text := strconv.Itoa(status)
	if !slices.ContainsFunc(e.status, func(want string) bool {
		class, ok := strings.CutSuffix(want, "xx")
		return want == text || ok && strings.HasPrefix(text, class)
	}) {
		return fmt.Errorf("status %s, wanted %s", text, e.wanted())
	}
	for _, name := range slices.Sorted(maps.Keys(e.headers)) {
		have := headers.Values(name)
		switch {
		case len(have) == 0:
			return fmt.Errorf("status %s, but there is no header %s", text, name)
		case !slices.Contains(have, e.headers[name]):
			return fmt.Errorf("status %s, but the header %s is %s, wanted %s", text, name, short(strings.Join(have, ", ")), e.headers[name])
		}
	}
	if !strings.Contains(body, e.contains) {
		return fmt.Errorf("status %s, but the body does not contain %s", text, e.contains)
	}
	if e.pattern != nil {
		if _, ok := e.pattern.Line(body); !ok {
			return fmt.Errorf("status %s, but no line of the body matches %s", text, e.pattern.POSIX())
		}
	}
	for _, v := range e.json {
		have, err := jsonAt(body, v.path)
		switch {
		case err != nil:
			return fmt.Errorf("status %s, but the body is not JSON", text)
		case have.kind == "":
			return fmt.Errorf("status %s, but the body has no %s", text, v.text)
		case have.kind != scalar:
			return fmt.Errorf("status %s, but %s is %s", text, v.text, have.kind)
		case have.text != v.want:
			return fmt.Errorf("status %s, but %s is %s, wanted %s", text, v.text, short(have.text), v.want)
		}
	}
	return nil
}

// short bounds a text of a host; the views clean it.
func short(s string) string { return s[:min(len(s), 200)] }

//go:embed http.sh
var httpSource string

var httpShell = remote.Code(httpSource)

//go:embed http_wget.sh
var wgetSource string

var wgetShell = remote.Code(wgetSource)

// Shared is what the scripts of checks have in common; see remote.Step.
func Shared() []string { return []string{httpShell, wgetShell} }

//go:embed json.awk
var jsonAwk string

// httpHost asks for a URL once, without following redirects and without a
// proxy: the question is what this very server says.
//
// The URL and the headers go to curl through its standard input, because a
// header may hold a secret and a process list must not.
func httpHost(c lang.Check, _ Place) (Script, error) {
	e, err := expectedOf(c)
	if err != nil {
		return Script{}, err
	}
	programs := []string{"curl"}
	if len(c.Map("headers")) == 0 { // wget takes them as arguments, for everybody to see
		programs[0] = "curl|wget"
	}
	if len(e.headers)+len(e.json) > 0 {
		programs = append(programs, "awk")
	}
	if e.pattern != nil {
		programs = append(programs, "grep")
	}
	return Script{Shell: func() string { return httpTry(c, e) }, Programs: programs}, nil
}

// httpTry is the shell of one attempt.
func httpTry(c lang.Check, e expected) string {
	headers := c.Map("headers")
	config := []string{
		"url = " + curlQuote(c.Text("url")), "silent", "show-error", "globoff", `noproxy = "*"`,
		`proto = "=http,https"`, "max-time = " + decimal(c.Timeout),
		"write-out = " + curlQuote("\nsize=%{size_download}"),
	}
	if c.Bool("insecure") {
		config = append(config, "insecure")
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		config = append(config, "header = "+curlQuote(name+": "+headers[name]))
	}
	cases := make([]string, len(e.status))
	for i, s := range e.status {
		cases[i] = strings.ReplaceAll(s, "x", "?")
	}
	var sh strings.Builder
	fmt.Fprintf(&sh, "secs=%d limit=%d wanted_status=%s contains=%s insecure=%t\n", seconds(c.Timeout), bodyLimit,
		remote.Quote(e.wanted()), remote.Quote(e.contains), c.Bool("insecure"))
	fmt.Fprintf(&sh, "config() { printf '%%s' %s; }\n", remote.Quote(strings.Join(config, "\n")+"\n"))
	fmt.Fprintf(&sh, "status() { case $1 in %s) ;; *) return 1 ;; esac; }\n", strings.Join(cases, " | "))
	if len(headers) > 0 {
		sh.WriteString("without_curl() { echo 'curl is not installed'; return 3; }\n")
	} else {
		fmt.Fprintf(&sh, "url=%s\n%s", remote.Quote(c.Text("url")), wgetShell)
	}
	sh.WriteString("expectations() {\n:\n")
	for _, name := range slices.Sorted(maps.Keys(e.headers)) {
		fmt.Fprintf(&sh, "header %s %s || return\n", remote.Quote(name), remote.Quote(e.headers[name]))
	}
	if e.contains != "" {
		sh.WriteString("within_body || return\n")
	}
	if e.pattern != nil {
		fmt.Fprintf(&sh, "matching %s || return\n", remote.Quote(e.pattern.POSIX()))
	}
	for _, v := range e.json {
		fmt.Fprintf(&sh, "json %s %s %s || return\n", remote.Quote(awkPath(v.path)), remote.Quote(v.want), remote.Quote(v.text))
	}
	sh.WriteString("}\n")
	if len(e.json) > 0 {
		fmt.Fprintf(&sh, "json_awk=%s\n", remote.Quote(jsonAwk))
	}
	sh.WriteString(httpShell + "ask\n")
	return sh.String()
}

// awkPath is a path as json.awk keeps its place: each step behind a
// separator that no key holds.
func awkPath(p lang.JSONPath) string {
	var b strings.Builder
	for _, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "\x1d%d", step)
		default:
			fmt.Fprintf(&b, "\x1e%s", step)
		}
	}
	return b.String()
}

// curlQuote writes a value of curl's configuration file.
func curlQuote(s string) string { return `"` + curlEscapes.Replace(s) + `"` }

var curlEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
