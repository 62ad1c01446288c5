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
	"strings"

	"shipit/lang"
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
		body, err := json.Marshal(payload(s.Text("format"), n))
		if err != nil {
			return finalError{err}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
		if err != nil {
			return finalError{errors.New("the URL cannot be used")} // it may be a secret
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "shipit")
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

// payload is a notice in the form that the receiver wants.
func payload(format string, n Notice) any {
	switch format {
	case "slack", "mattermost":
		return map[string]string{"text": n.Text}
	case "matrix": // as its webhook bridges take it
		return map[string]string{"text": n.Text, "format": "plain", "displayName": "shipit"}
	case "grafana": // of POST /api/annotations
		return map[string]any{
			"time": n.Event.Time.UnixMilli(), "text": n.Text,
			"tags": []string{"shipit", n.Service, n.Env, n.Moment},
		}
	}
	return n
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
