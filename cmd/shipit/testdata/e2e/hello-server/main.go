// Command hello-server is the service that the hosts of the end-to-end tests
// run. It says what it read when it started or got a HUP.
//
//	hello-server CURRENT CONF PIDFILE ADDR
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// info is what it says of itself.
type info struct {
	Version string
	PID     int
	Started time.Time
	Loads   int // of the version and the configuration
	Config  string
}

func main() {
	time.AfterFunc(5*time.Minute, func() { os.Exit(1) }) // whatever becomes of the test
	if err := serve(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Println("hello:", err)
		os.Exit(1)
	}
}

func serve(current, conf, pidfile, addr string) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	var mu sync.Mutex
	now := info{PID: os.Getpid(), Started: time.Now()}
	healthy := true
	load := func() error {
		mu.Lock()
		defer mu.Unlock()
		version, err := os.ReadFile(filepath.Join(current, "VERSION"))
		if err != nil {
			return err
		}
		app, err := os.ReadFile(filepath.Join(current, "app.conf"))
		if err != nil {
			return err
		}
		config, err := os.ReadFile(conf)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		now.Version, now.Config = strings.TrimSpace(string(version)), string(config)
		now.Loads++
		healthy = !strings.Contains(string(app), "health = fail")
		if strings.Contains(string(app), "start = fail") {
			return errors.New("this release does not start")
		}
		return nil
	}
	if err := load(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_info", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(now)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !healthy {
			http.Error(w, "not well", http.StatusInternalServerError)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	// Who reads the pid file may rely on the port.
	if err := os.WriteFile(pidfile+".new", fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil {
		return err
	}
	if err := os.Rename(pidfile+".new", pidfile); err != nil {
		return err
	}
	for s := range signals {
		if s == syscall.SIGHUP {
			if err := load(); err != nil {
				fmt.Println("hello:", err)
			}
			continue
		}
		_ = server.Close()
		return os.Remove(pidfile)
	}
	return nil
}
