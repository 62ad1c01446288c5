// Package restart knows the ways in which a service takes up a new release.
//
// A kind does not act: it says the shell of one step, which the engine puts
// into the same exec as the switch of the release, and what that shell will
// need on the host, so that plan can ask for it. One file per kind; the table
// below is all there is to register.
package restart

import (
	"fmt"
	"time"

	"shipit/exec/remote"
	"shipit/lang"
)

// A Script is a restart as the host runs it.
type Script struct {
	Shell    string     // for remote.Step: uses run, apart and die of its prelude
	Root     [][]string // commands that Shell runs as root
	User     [][]string // commands that Shell runs as the service's user
	Programs []string   // that the host must have
	Units    []string   // systemd units that are worth observing
	Starts   []string   // systemd units whose main process Shell replaces
}

// kinds is the table: a new kind is one file and one line here.
var kinds = map[string]func(lang.Restart) (Script, error){
	"systemd": systemd,
	"service": service,
	"signal":  signal,
	"command": command,
	"none":    none,
}

// New makes the script of r.
func New(r lang.Restart) (Script, error) {
	kind, ok := kinds[r.Kind]
	if !ok {
		return Script{}, fmt.Errorf("there is no restart %q", r.Kind)
	}
	if r.Within == 0 {
		r.Within = lang.Duration(time.Minute)
	}
	return kind(r)
}

// none is for a service that notices a new release by itself, or that is no
// process at all.
func none(lang.Restart) (Script, error) { return Script{Shell: ":"}, nil }

// verb is what the kinds that know both are asked to do.
func verb(r lang.Restart) string {
	if r.Bool("reload") {
		return "reload"
	}
	return "restart"
}

// seconds is d for timeout(1): whole, so that every timeout reads it.
func seconds(d lang.Duration) int { return int((d.Std() + time.Second - 1) / time.Second) }

// call is "run WHO SECONDS argv…" in shell.
func call(how, who string, within lang.Duration, argv []string) string {
	return fmt.Sprintf("%s %s %d %s", how, who, seconds(within), remote.Join(argv))
}
