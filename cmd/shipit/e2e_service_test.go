package main

import "time"

// helloInfo is what the service of a host, testdata/e2e/hello-server, says of
// itself.
type helloInfo struct {
	Version string
	PID     int
	Started time.Time
	Loads   int // of the version and the configuration: 1, and one more for each HUP
	Config  string
}
