package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"shipit/exec/remote"
	"shipit/lang"
)

// bodyLimit bounds what is read of an answer in search of a text.
const bodyLimit = 1 << 20

// httpHost asks for a URL once, without following redirects and without a proxy:
// the question is what this very server says. The status must be the wanted
// one, and the body must contain the wanted text.
//
// On the host the URL and the headers go to curl through its standard input,
// because a header may hold a secret and a process list must not.
func httpHost(c lang.Check) (string, [][]string, []string) {
	headers := c.Map("headers")
	config := []string{
		"url = " + curlQuote(c.Text("url")), "silent", "show-error", "globoff", `noproxy = "*"`,
		`proto = "=http,https"`, "max-time = " + decimal(c.Timeout), `write-out = "\n%{http_code}"`,
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		config = append(config, "header = "+curlQuote(name+": "+headers[name]))
	}
	try := fmt.Sprintf(httpScript, status(c), remote.Quote(c.Text("contains")), remote.Quote(strings.Join(config, "\n")+"\n"))
	if len(headers) > 0 {
		return try + "echo 'curl is not installed'; return 1\n", nil, []string{"curl"}
	}
	return try + fmt.Sprintf(wgetScript, seconds(c.Timeout), remote.Quote(c.Text("url"))), nil, []string{"curl|wget"}
}

// httpScript is the attempt by curl, and what judges an answer.
const httpScript = `want=%d contains=%s
judge() { # STATUS BODY
  [ "$1" = "$want" ] || { echo "status $1, wanted $want"; return 1; }
  case $2 in *"$contains"*) return 0 ;; esac
  echo "status $1, but the body does not contain $contains"
  return 1
}
if command -v curl >/dev/null 2>&1; then
  # The answer, its status, and curl's own exit status, a line each at the end.
  out=$({ printf '%%s' %s | curl -q -K - 2>&1; printf '\n%%s' "$?"; } | tr -d '\000')
  rc=${out##*
} out=${out%%
*}
  if [ "$rc" != 0 ]; then
    case $out in *'curl: ('*) why=${out##*'curl: ('} why=${why#*') '}; echo "${why%%%%
*}" ;; *) echo "no answer (curl says $rc)" ;; esac
    return 1
  fi
  judge "${out##*
}" "${out%%
*}"
  return $?
fi
`

// wgetScript is the attempt by wget: once for the status, once for the body.
const wgetScript = `secs=%d url=%s one=
if wget --help 2>&1 | grep -q -e --max-redirect; then one='-t 1 --max-redirect=0 --no-proxy'; fi
head=$(wget -q -S -O /dev/null -T "$secs" $one -- "$url" 2>&1) || :
code=$(printf '%%s\n' "$head" | sed -n 's|^ *HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' | head -n 1)
[ -n "$code" ] || { echo "no answer: $(printf '%%s\n' "$head" | tail -n 1)"; return 1; }
[ -n "$contains" ] || { judge "$code" ''; return $?; }
judge "$code" "$(wget -q -O - -T "$secs" $one -- "$url" 2>/dev/null | head -c 1100000 | tr -d '\000')"
`

// curlQuote writes a value of curl's configuration file.
func curlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

func status(c lang.Check) int {
	if n := c.Int("status"); n != 0 {
		return n
	}
	return http.StatusOK
}

func httpDeployer(c lang.Check, _ Where) (Attempt, error) {
	req, err := http.NewRequest(http.MethodGet, c.Text("url"), nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask: %w", err)
	}
	for name, value := range c.Map("headers") {
		req.Header.Set(name, value)
		if strings.EqualFold(name, "host") {
			req.Host = value
		}
	}
	want, contains := status(c), c.Text("contains")
	return func(ctx context.Context) error {
		// A connection of its own for each attempt: a kept one may be
		// answered by a process that takes no new ones any more.
		transport := &http.Transport{DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(req.Clone(ctx))
		if err != nil {
			return unwrapped(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			return fmt.Errorf("status %d, wanted %d", resp.StatusCode, want)
		}
		if contains == "" {
			return nil
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
		switch {
		case err != nil:
			return fmt.Errorf("status %d, but the body broke off: %w", resp.StatusCode, err)
		case !strings.Contains(string(body), contains):
			return fmt.Errorf("status %d, but the body does not contain %s", resp.StatusCode, contains)
		}
		return nil
	}, nil
}

// unwrapped is the last error of a chain: "connection refused" without the
// addresses, which the check's name and the plan already say.
func unwrapped(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
