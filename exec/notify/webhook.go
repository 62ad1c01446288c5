package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"shipit/exec/event"
	"shipit/lang"
	"shipit/lang/schema"
)

// A finalError is one that another attempt would meet again.
type finalError struct{ error }

func isFinal(err error) bool {
	var f finalError
	return errors.As(err, &f)
}

// Signature is the header with the HMAC-SHA-256 of the body, as "sha256=" and
// hexadecimal digits.
const Signature = "X-Shipit-Signature-256"

// Delivery is the header with the notice's name: the same where it comes twice.
const Delivery = "X-Shipit-Delivery"

// webhook posts a notice as JSON: all of it, or in the form that a chat wants.
// The URL or the key that signs may be a secret, and then stands in a file on
// the deployer, because a plan keeps what a definition says.
func webhook(s lang.Spec) send {
	// A redirect is an answer, not an order: it could lead anywhere.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, n Notice) error {
		to, err := secretOr(s.Text("url_file"), s.Text("url"))
		if err != nil {
			return finalError{err}
		}
		body, err := bodyOf(s, n)
		if err != nil {
			return finalError{err}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
		if err != nil {
			return finalError{errors.New("the URL cannot be used")} // it may be a secret
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "shipit")
		req.Header.Set(Delivery, n.ID())
		if file := s.Text("token_file"); file != "" {
			token, err := secretOr(file, "")
			if err != nil {
				return finalError{err}
			}
			req.Header.Set("Authorization", "Bearer "+token)
		}
		if file := s.Text("secret_file"); file != "" {
			key, err := secretOr(file, "")
			if err != nil {
				return finalError{err}
			}
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write(body)
			req.Header.Set(Signature, "sha256="+hex.EncodeToString(mac.Sum(nil)))
		}
		resp, err := client.Do(req)
		if err != nil {
			var u *url.Error
			if errors.As(err, &u) {
				err = u.Err // its text has the URL
			}
			return err
		}
		defer resp.Body.Close()
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		switch {
		case resp.StatusCode < 300:
			return nil
		case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
			return fmt.Errorf("%s was answered", resp.Status)
		}
		return finalError{fmt.Errorf("%s was answered", resp.Status)}
	}
}

// bodyOf is what is posted: the template filled in, or a known form.
func bodyOf(s lang.Spec, n Notice) ([]byte, error) {
	template := s.Text("template")
	if template == "" {
		return json.Marshal(payload(s.Text("format"), n))
	}
	words := map[string]string{
		"service": n.Service, "environment": n.Env, "release": n.Release, "kind": n.Kind, "by": n.By,
		"moment": n.Moment, "text": n.Text, "run": n.Event.Run, "outcome": string(n.Event.Outcome), "type": string(n.Event.Type),
		"seq": strconv.FormatInt(n.Event.Seq, 10), "time": n.Event.Time.UTC().Format(time.RFC3339),
		"unix_ms": strconv.FormatInt(n.Event.Time.UnixMilli(), 10),
	}
	return []byte(schema.FillBody(template, func(word string) string { return words[word] })), nil
}

// payload is a notice in the form that the receiver wants.
func payload(format string, n Notice) any {
	switch format {
	case "slack", "mattermost":
		return map[string]string{"text": n.Text}
	case "matrix": // as its webhook bridges take it
		return map[string]string{"text": n.Text, "format": "plain", "displayName": "shipit"}
	case "grafana": // of POST /api/annotations
		return annotation(n)
	}
	return n
}

// annotation is a line in Grafana's graphs, or at the end of a run the region
// that the run took.
func annotation(n Notice) map[string]any {
	a := map[string]any{
		"time": n.Event.Time.UnixMilli(), "text": n.Text,
		"tags": []string{"shipit", n.Service, n.Env, n.Moment},
	}
	if n.Event.Type == event.RunFinished && !n.Began.IsZero() {
		a["time"], a["timeEnd"] = n.Began.UnixMilli(), n.Event.Time.UnixMilli()
	}
	return a
}

// secretOr is the first line of a file, or text where no file is named.
func secretOr(file, text string) (string, error) {
	if file == "" {
		return text, nil
	}
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		file = home + "/" + rest
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("cannot read it: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return line, nil
}
