package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"shipit/lang/diag"
)

// withheld stands for a secret in every output.
const withheld = "(sensitive)"

// The shortest secrets that are looked for in outputs. Shorter ones would
// take ordinary words and numbers apart; messages withhold those by
// themselves.
const (
	shortestText   = 4
	shortestNumber = 6
	shortestLine   = 8 // of a secret of several lines
)

// secrets knows the sensitive values of this process and takes them out of
// texts, whichever way they are written there.
type secrets struct {
	mu    sync.RWMutex
	known map[string]bool
	forms [256][]string // by their first byte, the longest first
}

// hide adds sensitive values.
func (s *secrets) hide(values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for _, v := range values {
		for _, form := range formsOf(v) {
			if !s.known[form] {
				s.known[form] = true
				list := append(s.forms[form[0]], form)
				slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
				s.forms[form[0]] = list
			}
		}
	}
}

// formsOf are the ways in which a secret may be written.
func formsOf(secret string) []string {
	secret = strings.TrimSpace(secret)
	least := shortestText
	if _, err := strconv.ParseFloat(secret, 64); err == nil {
		least = shortestNumber
	}
	if len(secret) < least {
		return nil
	}
	forms := []string{secret, diag.Clean(secret), diag.CleanLine(secret), url.QueryEscape(secret), url.PathEscape(secret)}
	quoted := strconv.Quote(secret)
	forms = append(forms, quoted[1:len(quoted)-1])
	plain, _ := json.Marshal(secret) // a string always can be
	forms = append(forms, string(plain[1:len(plain)-1]))
	var unescaped strings.Builder
	enc := json.NewEncoder(&unescaped)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(secret)
	forms = append(forms, strings.Trim(strings.TrimSpace(unescaped.String()), `"`))
	forms = append(forms, encoded(secret)...)
	// A diff shows a secret of several lines line by line.
	if lines := strings.Split(secret, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= shortestLine {
				forms = append(forms, line)
			}
		}
	}
	return slices.DeleteFunc(forms, func(f string) bool { return len(f) < shortestText })
}

// encoded is a secret in base64, at each of the three places at which it can
// stand in a longer text: only what is the same whatever surrounds it.
func encoded(secret string) []string {
	var forms []string
	for shift := range 3 {
		bits := (shift + len(secret)) * 8
		first, last := (shift*8+5)/6, bits/6
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			forms = append(forms, text[first:last])
		}
	}
	return forms
}

// replace takes the secrets out of a text.
func (s *secrets) replace(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.known) == 0 {
		return text
	}
	out, _ := s.scan(nil, []byte(text), true)
	return string(out)
}

// scan appends text without its secrets to out. Unless it is the whole, the
// end of text that may be the beginning of a secret is the rest.
func (s *secrets) scan(out, text []byte, whole bool) (_, rest []byte) {
next:
	for i := 0; i < len(text); {
		for _, form := range s.forms[text[i]] {
			left := text[i:]
			if len(left) >= len(form) {
				if string(left[:len(form)]) == form {
					out = append(out, withheld...)
					i += len(form)
					continue next
				}
			} else if !whole && form[:len(left)] == string(left) {
				return out, left
			}
		}
		out = append(out, text[i])
		i++
	}
	return out, nil
}

// A redacted writer passes on what it gets without the secrets, also those
// that come in two pieces.
type redacted struct {
	s  *secrets
	to io.Writer

	mu   sync.Mutex
	held []byte // may be the beginning of a secret
}

// Write never tells of fewer bytes than it got, unless to does not take any.
func (r *redacted) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	if len(r.s.known) == 0 && len(r.held) == 0 {
		return r.to.Write(p)
	}
	out, rest := r.s.scan(nil, append(r.held, p...), false)
	r.held = slices.Clone(rest)
	if len(out) > 0 {
		if _, err := r.to.Write(out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// flush passes on what was held back: nothing more comes.
func (r *redacted) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.held) > 0 {
		_, _ = io.WriteString(r.to, r.s.replace(string(r.held)))
		r.held = nil
	}
}

// redact puts the redactor before both outputs. The returned func ends it.
func (w *world) redact() func() {
	out, err := &redacted{s: &w.secrets, to: w.stdout}, &redacted{s: &w.secrets, to: w.stderr}
	w.stdout, w.stderr = out, err
	return func() {
		out.flush()
		err.flush()
		w.stdout, w.stderr = out.to, err.to
	}
}
