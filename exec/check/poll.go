package check

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"shipit/lang"
)

// Poll asks until c.Successes attempts in a row have passed, or until
// c.Within is over; its error is then the last reason. There is always one
// attempt. When ctx ends, so does Poll.
func Poll(ctx context.Context, c lang.Check, ask Attempt) error {
	c = withDefaults(c)
	deadline := time.Now().Add(c.Within.Std())
	passed := 0
	for n := 1; ; n++ {
		err := attempt(ctx, c.Timeout.Std(), ask)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			if passed++; passed >= c.Successes {
				return nil
			}
			err = fmt.Errorf("passed %d times in a row, wanted %d", passed, c.Successes)
		} else {
			passed = 0
		}
		var never finalError
		if errors.As(err, &never) {
			return fmt.Errorf("%w (asked %d times)", err, n)
		}
		if time.Until(deadline) < c.Every.Std() {
			return fmt.Errorf("%w (asked %d times in %s)", err, n, c.Within)
		}
		select {
		case <-time.After(c.Every.Std()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// attempt bounds one question, and says so when the bound was the reason.
func attempt(ctx context.Context, timeout time.Duration, ask Attempt) error {
	one, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := ask(one)
	if err != nil && one.Err() != nil && ctx.Err() == nil {
		late := fmt.Errorf("no answer within %s", lang.Duration(timeout))
		if IsUnknown(err, 0) {
			return &UnknownError{late}
		}
		return late
	}
	return err
}

// poll is Poll in shell around the function try.
func poll(c lang.Check, s Script) string {
	setup := ""
	if s.setup != nil {
		setup = s.setup()
	}
	return clock + "passed_all() { :; }\n" + setup + fmt.Sprintf(`try() {
%s
}
every=%s hundredths=%d within=%d wanted=%d
%s`, strings.TrimRight(s.Shell(), "\n"), decimal(c.Every), c.Every.Std()/(10*time.Millisecond),
		c.Within.Std()/(10*time.Millisecond), c.Successes, pollScript)
}

// clock tells hundredths of a second of the host's uptime, which nobody sets.
const clock = `now() {
  if read -r _u _ </proc/uptime; then _f=${_u#*.}; echo $((${_u%%.*} * 100 + 1$_f - 100)); else echo $(($(date +%s) * 100)); fi 2>/dev/null
}
`

// pollScript asks until the deadline is over. The answer of an attempt is one line and an exit status; see
// saysNo and its like.
const pollScript = `end=$(($(now) + within)) passed=0 asked=0
while :; do
  asked=$((asked + 1))
  rc=0
  why=$(try 2>&1) || rc=$?
  case $rc in
    0)
      passed=$((passed + 1))
      [ "$passed" -lt "$wanted" ] || { passed_all; exit 0; }
      why="passed $passed times in a row, wanted $wanted" rc=1 ;;
    1 | 4) passed=0 ;;
    *) passed=0 why="unknown: ${why:-the check broke with exit status $rc}" rc=3 ;;
  esac
  if [ "$rc" = 4 ] || [ $(($(now) + hundredths)) -gt "$end" ]; then
    printf '%s\n' "${why:-no answer} (asked $asked times)"
    [ "$rc" = 3 ] || exit 1
    exit 3
  fi
  sleep "$every"
done
`

// decimal is d in seconds for sleep(1), without a fraction where it can be.
func decimal(d lang.Duration) string {
	return strconv.FormatFloat(d.Std().Seconds(), 'f', -1, 64)
}
