package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"shipit/lang"
)

func httpDeployer(c lang.Check, _ Where) (Attempt, error) {
	want, err := expectedOf(c)
	if err != nil {
		return nil, err
	}
	get, err := getter(c, c.Text("url"))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		status, headers, body, err := get(ctx)
		if err != nil {
			return err
		}
		return want.judge(status, headers, body)
	}, nil
}

// A get asks for a URL once and reads a bounded body.
type get func(ctx context.Context) (status int, headers http.Header, body string, err error)

// getter makes a get of the headers and insecure of c.
func getter(c lang.Check, url string) (get, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask: %w", err)
	}
	for name, value := range c.Map("headers") {
		req.Header.Set(name, value)
		if strings.EqualFold(name, "host") {
			req.Host = value
		}
	}
	insecure := c.Bool("insecure")
	return func(ctx context.Context) (int, http.Header, string, error) {
		// A connection of its own for each attempt: a kept one may be
		// answered by a process that takes no new ones any more.
		transport := &http.Transport{DisableKeepAlives: true}
		if insecure {
			transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // the definition says so
		}
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(req.Clone(ctx))
		if err != nil {
			return 0, nil, "", notAsked(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
		if err != nil {
			return 0, nil, "", fmt.Errorf("status %d, but the body broke off: %w", resp.StatusCode, err)
		}
		// As in the shell of hosts, which cannot hold a NUL.
		return resp.StatusCode, resp.Header, strings.ReplaceAll(string(body), "\x00", ""), nil
	}, nil
}

// notAsked tells a name that nobody knows, which says nothing of the service,
// from a service that does not answer.
func notAsked(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return unknown("cannot find the address of %s: %s", dns.Name, dns.Err)
	}
	return unwrapped(err)
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
