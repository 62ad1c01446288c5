package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

func redactAll(secret string, pieces ...string) string {
	var s secrets
	s.hide([]string{secret})
	var b strings.Builder
	w := &redacted{s: &s, to: &b}
	for _, p := range pieces {
		if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
			panic(fmt.Sprint(n, err))
		}
	}
	w.flush()
	return b.String()
}

func TestRedactorTakesOutEveryForm(t *testing.T) {
	t.Parallel()
	const secret = "hunter22\"<&>\\\x1b ü/?+"
	asJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain":          secret,
		"JSON":           string(asJSON),
		"quoted":         fmt.Sprintf("%q", secret),
		"query":          url.QueryEscape(secret),
		"path":           url.PathEscape(secret),
		"base64":         base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 inside":  base64.StdEncoding.EncodeToString([]byte("user:" + secret + "\n")),
		"base64 inside2": base64.URLEncoding.EncodeToString([]byte("user: " + secret + "more")),
		"base64 inside3": base64.StdEncoding.EncodeToString([]byte("a user:" + secret + "!!")),
	} {
		got := redactAll(secret, "before ", text, " after")
		if !strings.Contains(got, withheld) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || strings.Contains(got, text) {
			t.Errorf("%s: %q becomes %q", name, text, got)
		}
	}
}

func TestRedactorTakesOutLines(t *testing.T) {
	t.Parallel()
	got := redactAll("-----BEGIN KEY-----\nMIIEvQIBADANBg\nx\n-----END KEY-----\n", "+ -----BEGIN KEY-----\n+ MIIEvQIBADANBg\n+ x\n")
	if want := "+ (sensitive)\n+ (sensitive)\n+ x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRedactorLeavesShortOnes(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "abc", "   abc \n", "5432"} {
		text := "port 5432 of abc " + secret
		if got := redactAll(secret, text); got != text {
			t.Errorf("%q: %q becomes %q", secret, text, got)
		}
	}
}

func TestRedactorPrefersTheLongerSecret(t *testing.T) {
	t.Parallel()
	var s secrets
	s.hide([]string{"hunter", "hunter22", "hunter"})
	var b strings.Builder
	w := &redacted{s: &s, to: &b}
	for _, p := range []string{"a hunter", "22 hunter", "2 hun", "gry hunt"} {
		_, _ = w.Write([]byte(p))
	}
	w.flush()
	if got, want := b.String(), "a (sensitive) (sensitive)2 hungry hunt"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := s.replace("hunter2 hunter22"), "(sensitive)2 (sensitive)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRedactorDoesNotDependOnBorders cuts a text anywhere.
func TestRedactorDoesNotDependOnBorders(t *testing.T) {
	t.Parallel()
	word := func(letters string, least, most int) string {
		text := make([]byte, least+rand.IntN(most-least+1))
		for i := range text {
			text[i] = letters[rand.IntN(len(letters))]
		}
		return string(text)
	}
	for range 200 { // without rapid, whose start each process of these tests would pay
		secret := word("ab", 4, 7)
		text := word("abc\n", 0, 60) + secret + word("abc", 0, 20)
		whole := redactAll(secret, text)
		var pieces []string
		for rest := text; rest != ""; {
			n := 1 + rand.IntN(len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if got := redactAll(secret, pieces...); got != whole {
			t.Fatalf("the secret %q in pieces %q: %q, whole: %q", secret, pieces, got, whole)
		}
		if strings.Contains(strings.ReplaceAll(whole, withheld, "\x00"), secret) {
			t.Fatalf("%q is in %q", secret, whole)
		}
	}
}
