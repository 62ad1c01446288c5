package check

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"shipit/exec/remote"
	"shipit/lang"
)

// logLimit bounds what is read of a log in one attempt.
const logLimit = 16 << 20

// logWindow is how long a log is watched where the definition does not say.
const logWindow = 10 * time.Second

var (
	//go:embed log.sh
	logShell string
	//go:embed log_read.sh
	logReadShell string
	//go:embed log_try.sh
	logTryShell string
)

// logHost reads what a service logged since its restart: the position is
// taken by Before, in the script that restarts it. A check that passed moves
// it on, so that in a soak every line counts once, and max is a rate: so many
// in each window.
func logHost(c lang.Check, p Place) (Script, error) {
	text, judge := c.Text("must"), "must"
	if text == "" {
		text, judge = c.Text("must_not"), "must_not"
	}
	pattern, err := lang.ParsePattern(text)
	if err != nil {
		return Script{}, err
	}
	window := c.Duration("window").Std()
	if window == 0 {
		window = min(logWindow, c.Within.Std()/2)
	}
	program, file := "journalctl", "''"
	if f := c.Text("file"); f != "" {
		program, file = "tail", remote.QuotePath(f)
	}
	sum := sha256.Sum256([]byte(c.Address()))
	vars := fmt.Sprintf("unit=%s file=%s secs=%d run=%s mark=%s/log.%s\n", remote.Quote(c.Text("unit")), file, seconds(c.Timeout),
		remote.Quote(p.Run), remote.QuotePath(p.Dir), hex.EncodeToString(sum[:6]))
	setup := func() string {
		return vars + logShell + logReadShell + fmt.Sprintf("pattern=%s max=%d window=%d limit=%d\njudge() { %s; }\n", remote.Quote(pattern.POSIX()), c.Int("max"),
			max(window/(10*time.Millisecond), 1), logLimit, judge)
	}
	return Script{
		Shell: func() string { return logTryShell }, setup: setup, Programs: []string{program},
		// A log that cannot be read is for the check to tell, not a reason
		// to leave the service as it is.
		Before: "( " + strings.TrimSuffix(vars, "\n") + "\n" + clock + logShell + "rm -f -- \"$mark\"; begin ) >/dev/null 2>&1 || :\n",
	}, nil
}
