package restart

import (
	_ "embed"
	"fmt"

	"shipit/exec/remote"
	"shipit/lang"
)

// patience is how many seconds a new process has to write its number.
const patience = 10

//go:embed pid.sh
var pidSource string

var pidShell = remote.Code(pidSource)

// replaces wraps a restart, so that the process whose number is in pid_file
// must be another one afterwards. Without a pid_file nothing is compared.
func replaces(r lang.Restart, shell string) string {
	file := r.Text("pid_file")
	if file == "" {
		return shell
	}
	after := "another\n"
	if verb(r) == "reload" { // which keeps its process, and that must be there
		after = "old=\nanother\n"
	}
	return pidVars(r, file) + "before\n" + shell + after
}

// pidVars set what the functions of pid.sh read.
func pidVars(r lang.Restart, file string) string {
	return fmt.Sprintf("file=%s patience=%d\n", remote.QuotePath(file), min(patience, seconds(r.Within))) + pidShell
}
