package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"shipit/exec/web"
)

// An audience is browsers that look at a run.
type audience struct {
	*load
	server *web.Server
	client *http.Client
	url    string
	ctx    context.Context
	leave  context.CancelFunc
	work   sync.WaitGroup
}

// open starts the server at l, and makes a browser that has shown the token
// and connects by dial.
func (l *load) open(listener net.Listener, dial func(context.Context, string, string) (net.Conn, error)) *audience {
	l.Helper()
	access := web.Access{Key: key, By: "anna@desk", Hosts: []string{"127.0.0.1"}}
	server, err := web.New(web.Options{Runs: runs{l.dir}, Version: "test", Now: time.Now, Access: access})
	if err != nil {
		l.Fatal(err)
	}
	a := &audience{load: l, server: server, url: "http://127.0.0.1"}
	if listener.Addr().Network() == "tcp" {
		a.url = "http://" + listener.Addr().String()
	}
	a.ctx, a.leave = context.WithCancel(context.Background())
	a.work.Go(func() {
		if err := server.Serve(a.ctx, listener, nil); err != nil {
			l.Error(err)
		}
	})
	a.client = &http.Client{
		Jar: &jar{}, Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := a.client.Get(a.url + "/?token=" + access.Token())
	if err != nil {
		l.Fatal(err)
	}
	answer.Body.Close()
	return a
}

// close ends the server and the connections.
func (a *audience) close() {
	a.leave()
	a.work.Wait()
	a.client.CloseIdleConnections()
}

// A seer is a browser that follows the run; what it has seen, without gaps.
type seer struct {
	seq        int64
	at         atomic.Int64 // seq, for others
	reconnects int
	ended      bool
}

// watch follows the run to its end. Where a cut is given, every connection
// breaks so many bytes, at least one, after it has brought something new.
func (a *audience) watch(s *seer, cut func() int) error {
	for !s.ended {
		most := 0
		if cut != nil {
			most = cut()
		}
		if err := a.connect(s, most); err != nil {
			return err
		}
		if !s.ended {
			s.reconnects++
		}
	}
	return nil
}

// connect follows the run over one connection.
func (a *audience) connect(s *seer, most int) error {
	ctx, hangUp := context.WithCancel(a.ctx)
	defer hangUp()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/runs/"+a.run+"/events", nil)
	if err != nil {
		return err
	}
	if s.seq > 0 {
		r.Header.Set("Last-Event-ID", strconv.FormatInt(s.seq, 10))
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	in := bufio.NewReaderSize(answer.Body, 64<<10)
	name, read, first := "", 0, s.seq
	for {
		line, err := in.ReadBytes('\n')
		if s.seq > first {
			read += len(line)
		}
		if most > 0 && read > most {
			return nil // the line is lost with the connection
		}
		if err != nil {
			if s.ended {
				return nil
			}
			return fmt.Errorf("after record %d: %w", s.seq, err)
		}
		if text, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
			name = string(bytes.TrimSpace(text))
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		switch name {
		case "records":
			if err := s.take(data); err != nil {
				return err
			}
			s.at.Store(s.seq)
		case "problem":
			return fmt.Errorf("the server says %s", data)
		case "end":
			s.ended = true
			return nil
		}
	}
}

// take looks at the numbers of records: each comes once, in order.
func (s *seer) take(data []byte) error {
	mark := []byte(`{"seq":`)
	for {
		_, rest, ok := bytes.Cut(data, mark)
		if !ok {
			return nil
		}
		n := int64(0)
		for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			n, rest = n*10+int64(rest[0]-'0'), rest[1:]
		}
		if n != s.seq+1 {
			return fmt.Errorf("record %d after record %d", n, s.seq)
		}
		s.seq, data = n, rest
	}
}

// stall opens a stream and never reads it, until a is closed.
func (a *audience) stall(dial func(context.Context, string, string) (net.Conn, error)) error {
	address := strings.TrimPrefix(a.url, "http://")
	c, err := dial(a.ctx, "tcp", address)
	if err != nil {
		return err
	}
	u, err := url.Parse(a.url)
	if err != nil {
		return err
	}
	cookie := a.client.Jar.Cookies(u)[0]
	_, err = fmt.Fprintf(c, "GET /runs/%s/events HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", a.run, address, cookie)
	answer := make([]byte, len("HTTP/1.1 200"))
	if err == nil {
		_, err = io.ReadFull(c, answer) // and nothing after that
	}
	if err == nil && string(answer) != "HTTP/1.1 200" {
		err = fmt.Errorf("the reader that stalls was answered %q", answer)
	}
	a.work.Go(func() {
		<-a.ctx.Done()
		c.Close()
	})
	return err
}

// abort presses the button of the run's page, as somebody who saw it at that
// event, and returns how long the answer took.
func (a *audience) abort(form string, seq int64) (time.Duration, string, error) {
	body := url.Values{"form": {form}, "wish": {fmt.Sprintf("abort %d", seq)}}
	r, err := http.NewRequestWithContext(a.ctx, http.MethodPost, a.url+"/runs/"+a.run+"/act", strings.NewReader(body.Encode()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept", "application/json")
	began := time.Now()
	answer, err := a.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	var said bytes.Buffer
	_, err = said.ReadFrom(answer.Body)
	return time.Since(began), said.String(), err
}

// form is what forms of the run's page must bring.
func (a *audience) form() (string, error) {
	answer, err := a.client.Get(a.url + "/runs/" + a.run)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var page bytes.Buffer
	if _, err := page.ReadFrom(answer.Body); err != nil {
		return "", err
	}
	m := formField.FindSubmatch(page.Bytes())
	if m == nil {
		return "", fmt.Errorf("the page of the run has no form: %s", answer.Status)
	}
	return string(m[1]), nil
}
