package notify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"shipit/lang"
	"shipit/lang/diag"
)

// email hands a notice to a mail server that takes it without a login, such as
// the one of the machine; with tls, only to one whose certificate holds.
func email(s lang.Spec) send {
	return func(ctx context.Context, n Notice) error {
		server := s.Text("server")
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
		if err != nil {
			return err
		}
		defer c.Close()
		if end, ok := ctx.Deadline(); ok {
			_ = c.SetDeadline(end)
		}
		defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			return finalError{err}
		}
		m, err := smtp.NewClient(c, host)
		if err != nil {
			return err
		}
		if s.Bool("tls") {
			if err := m.StartTLS(&tls.Config{ServerName: host}); err != nil {
				return err
			}
		}
		err = hand(m, s.Text("from"), s.List("to"), message(s, n))
		var no *textproto.Error
		if errors.As(err, &no) && no.Code >= 500 {
			return finalError{errors.New(diag.CleanLine(err.Error()))}
		}
		return err
	}
}

func hand(m *smtp.Client, from string, to []string, text string) error {
	if err := m.Mail(from); err != nil {
		return err
	}
	for _, name := range to {
		if err := m.Rcpt(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	w, err := m.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return m.Quit()
}

// message is a mail about a notice.
func message(s lang.Spec, n Notice) string {
	body := n.Text + "\n"
	for _, line := range n.Event.Detail {
		body += "\n  " + line
	}
	var b strings.Builder
	for _, h := range [][2]string{
		{"From", s.Text("from")},
		{"To", strings.Join(s.List("to"), ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", diag.CleanLine(fmt.Sprintf("[shipit] %s %s: %s", n.Service, n.Env, n.Moment)))},
		{"Date", n.Event.Time.Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<%s.%d@shipit>", n.Event.Run, n.Event.Seq)},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "base64"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	encoded := base64.StdEncoding.EncodeToString([]byte(body))
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	return b.String() + encoded + "\r\n"
}
