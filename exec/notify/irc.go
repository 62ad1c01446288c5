package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"shipit/lang"
	"shipit/lang/diag"
)

// longestLine is what a server takes of a line, with what it puts before it.
const longestLine = 400

// irc says a notice in a channel: it logs in, joins, says it and leaves, as
// RFC 2812 has it. A name that is taken gets an underscore.
func irc(s lang.Spec) send {
	return func(ctx context.Context, n Notice) error {
		server := s.Text("server")
		dial := (&net.Dialer{}).DialContext
		if s.Bool("tls") {
			dial = (&tls.Dialer{}).DialContext
		}
		c, err := dial(ctx, "tcp", server)
		if err != nil {
			return err
		}
		defer c.Close()
		if end, ok := ctx.Deadline(); ok {
			_ = c.SetDeadline(end)
		}
		defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
		t := &ircTalk{conn: c, lines: bufio.NewReaderSize(c, 4096), nick: s.Text("nick")}
		return t.tell(s.Text("channel"), n.Text)
	}
}

// An ircTalk is one conversation with a server.
type ircTalk struct {
	conn  net.Conn
	lines *bufio.Reader
	nick  string
}

func (t *ircTalk) tell(channel, text string) error {
	if err := t.say("NICK %s", t.nick); err != nil {
		return err
	}
	if err := t.say("USER shipit 0 * :shipit"); err != nil {
		return err
	}
	if err := t.until("001"); err != nil {
		return fmt.Errorf("cannot log in: %w", err)
	}
	if err := t.say("JOIN %s", channel); err != nil {
		return err
	}
	if err := t.until("366"); err != nil {
		return fmt.Errorf("cannot join %s: %w", channel, err)
	}
	if err := t.say("PRIVMSG %s :%s", channel, cut(diag.CleanLine(text))); err != nil {
		return err
	}
	// The answer to QUIT tells that what came before it was taken.
	if err := t.say("QUIT :done"); err != nil {
		return err
	}
	for {
		if _, err := t.lines.ReadSlice('\n'); err != nil {
			return nil
		}
	}
}

func (t *ircTalk) say(format string, args ...any) error {
	_, err := fmt.Fprintf(t.conn, format+"\r\n", args...)
	return err
}

// until reads to an answer with the number wanted; one that says no is an
// error, and a name that is taken another try.
func (t *ircTalk) until(want string) error {
	for {
		line, err := t.lines.ReadString('\n')
		if err != nil {
			return err
		}
		if len(line) > 2048 {
			return errors.New("the server talks too much")
		}
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, "PING "); ok {
			if err := t.say("PONG %s", rest); err != nil {
				return err
			}
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch code := fields[1]; {
		case code == want:
			return nil
		case code == "433" && len(t.nick) < 20:
			t.nick += "_"
			if err := t.say("NICK %s", t.nick); err != nil {
				return err
			}
		case len(code) == 3 && (code[0] == '4' || code[0] == '5') && code != "422", fields[0] == "ERROR":
			return finalError{errors.New(diag.CleanLine(line))}
		}
	}
}

// cut shortens text to what fits into a line, at a character.
func cut(text string) string {
	if len(text) <= longestLine {
		return text
	}
	text = text[:longestLine]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}
