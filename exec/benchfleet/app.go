//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// An appInfo is what the service of a host says of itself: which release it
// has read, and which process it is.
type appInfo struct {
	Version string `json:"version"`
	Process string `json:"process"`
}

// app is the service that is deployed. It reads its release once, so that
// what it answers is what runs and not what lies there.
func app() error {
	release, err := os.ReadFile(appPath + "/current/VERSION")
	if err != nil {
		return fmt.Errorf("no release is live: %w", err)
	}
	answer, err := json.Marshal(appInfo{strings.TrimSpace(string(release)), fmt.Sprintf("%d since %d", os.Getpid(), time.Now().UnixNano())})
	if err != nil {
		panic("internal error: " + err.Error())
	}
	http.HandleFunc("GET /_info", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(answer, '\n'))
	})
	s := &http.Server{Addr: fmt.Sprintf(":%d", appPort), ReadHeaderTimeout: 10 * time.Second}
	return s.ListenAndServe()
}

// initScript is /etc/init.d/app of every host.
const initScript = `#!/bin/sh
pid=/run/app.pid
running() { [ -s $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }
stop() {
  running || return 0
  kill "$(cat $pid)"
  while running; do sleep 0.01; done
}
start() {
  running && return 0
  [ -e ` + appPath + `/current/VERSION ] || return 0
  cd /
  ` + roleVar + `=app setsid /opt/app/app </dev/null >>/var/log/app.log 2>&1 &
  echo $! >$pid
}
case $1 in
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  status) running ;;
  *) exit 2 ;;
esac
`
