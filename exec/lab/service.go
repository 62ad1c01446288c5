package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A service is the hello service of one host. It behaves as a program of its
// own would: what it read when it started is what it serves until it is
// started again, whatever lies on the disk by then.
type service struct {
	host    Host
	control *os.File

	mu     sync.Mutex
	port   net.Listener
	server *http.Server // nil while stopped
	starts int
	state  state
}

// A state is what a started service knows.
type state struct {
	Version string            `json:"version"`
	Host    string            `json:"host"`
	Started time.Time         `json:"started"`
	Start   int               `json:"start"` // counts its starts, as a new pid would tell them apart
	Healthy bool              `json:"healthy"`
	Config  map[string]string `json:"config"` // etc/hello.conf

	greeting string
}

// newService is h's service, stopped, ready to be controlled.
func newService(h Host) (*service, error) {
	control, err := openControl(filepath.Join(h.Root, "run", "control"))
	if err != nil {
		return nil, err
	}
	return &service{host: h, control: control}, nil
}

// serve starts the service if a release is live, as a machine does when it
// boots, and does what bin/service asks for until ctx ends.
func (s *service) serve(ctx context.Context) error {
	defer s.stop()
	if _, err := os.Stat(s.current("VERSION")); err == nil {
		if err := s.start(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", s.host.Name, err)
		}
	}
	return lines(ctx, s.control, func(line string) error {
		action, reply, _ := strings.Cut(line, " ")
		if replyName.MatchString(reply) {
			code, text := s.do(action)
			s.answer(reply, fmt.Sprintf("%d %s\n", code, text))
		}
		return nil
	})
}

// replyName is what bin/service calls its named pipes.
var replyName = regexp.MustCompile(`^reply\.[0-9]+$`)

// answer writes to the named pipe of a waiting bin/service, which holds it
// open; one that no longer waits is no concern of ours.
func (s *service) answer(reply, text string) {
	f, err := os.OpenFile(filepath.Join(s.host.Root, "run", reply), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteString(text)
}

// do is one action with its exit status and what it says.
func (s *service) do(action string) (int, string) {
	running := s.running()
	var err error
	switch action {
	case "start":
		if running {
			return 0, "hello is running already"
		}
		err = s.start()
	case "stop":
		s.stop()
		return 0, "hello is stopped"
	case "restart":
		s.stop()
		err = s.start()
	case "reload":
		if !running {
			return 1, "hello is not running"
		}
		err = s.reload()
	case "status":
		if !running {
			return 3, "hello is stopped, " + s.pool()
		}
		return 0, s.line() + ", " + s.pool()
	default:
		return 2, "hello cannot " + strconv.Quote(action)
	}
	if err != nil {
		return 1, "hello: " + err.Error()
	}
	return 0, s.line()
}

func (s *service) current(name string) string {
	return filepath.Join(s.host.Root, "srv", "hello", "current", name)
}

func (s *service) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server != nil
}

// start reads the live release and listens.
func (s *service) start() error {
	release, err := os.ReadFile(s.current("VERSION"))
	if err != nil {
		return fmt.Errorf("cannot start: no release is live: %w", err)
	}
	app, err := readConf(s.current("app.conf"))
	if err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	conf, err := readConf(filepath.Join(s.host.Root, "etc", "hello.conf"))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot start: %w", err)
	}
	l, err := net.Listen("tcp", s.host.httpAddr())
	// Another lab that is looking for free ports has this one for a moment,
	// if it looks while a restart has given it up.
	for range 20 {
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		time.Sleep(50 * time.Millisecond)
		l, err = net.Listen("tcp", s.host.httpAddr())
	}
	if err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts++
	s.state = state{
		Version: strings.TrimSpace(string(release)), Host: s.host.Name,
		Started: time.Now().UTC(), Start: s.starts,
		Healthy: app["health"] != "fail", Config: conf, greeting: app["greeting"],
	}
	s.server = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	s.port = l
	go s.server.Serve(l)
	return nil
}

// stop closes the port and all connections.
func (s *service) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		s.server.Close()
		s.port.Close() // the server may not know it yet
		s.server = nil
	}
}

// reload reads etc/hello.conf again, and nothing else.
func (s *service) reload() error {
	conf, err := readConf(filepath.Join(s.host.Root, "etc", "hello.conf"))
	if err != nil {
		return fmt.Errorf("cannot reload: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Config = conf
	return nil
}

// line says in a sentence what runs.
func (s *service) line() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("hello %s on %s since %s, start %d",
		s.state.Version, s.state.Host, s.state.Started.Format(time.RFC3339), s.state.Start)
}

// pool says what bin/pool recorded.
func (s *service) pool() string {
	text, err := os.ReadFile(filepath.Join(s.host.Root, "pool"))
	if err != nil || strings.TrimSpace(string(text)) == "in" {
		return "in the pool"
	}
	return "out of the pool"
}

// handler answers requests: / for people, /_info and /healthz for checks.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		greeting, by := s.state.greeting, s.state.Config["greeting"]
		s.mu.Unlock()
		fmt.Fprintf(w, "%s\n", s.line())
		if by != "" {
			greeting = by
		}
		fmt.Fprintf(w, "%s\n", greeting)
	})
	mux.HandleFunc("GET /_info", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		text, err := json.Marshal(s.state)
		s.mu.Unlock()
		if err != nil {
			panic("internal error: the service's state is no JSON: " + err.Error())
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(text, '\n'))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		healthy := s.state.Healthy
		s.mu.Unlock()
		if !healthy {
			http.Error(w, "not well", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// readConf reads lines of "key = value"; # begins a comment line.
func readConf(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return map[string]string{}, err
	}
	conf := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); ok && !strings.HasPrefix(key, "#") {
			conf[key] = strings.TrimSpace(value)
		}
	}
	return conf, nil
}
