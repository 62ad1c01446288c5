package check

import (
	"errors"
	"fmt"
)

// An UnknownError is a check that could not be asked, or whose answer says
// nothing: no program, no name, no data. It is not a no of the service, and
// never a yes.
type UnknownError struct{ Err error }

func (e *UnknownError) Error() string { return "unknown: " + e.Err.Error() }

func (e *UnknownError) Unwrap() error { return e.Err }

// unknown makes an UnknownError.
func unknown(format string, args ...any) error { return &UnknownError{fmt.Errorf(format, args...)} }

// A finalError is a no that asking again cannot change.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// The exit statuses of an attempt in shell, and of the whole poll. Any other
// is a script that broke, and so unknown.
const (
	saysNo      = 1 // ask again until the deadline
	saysUnknown = 3
	saysNever   = 4 // of an attempt: a no that asking again cannot change
)

// IsUnknown tells that a check was not answered: by err where the deployer
// asked, by the exit status of its step where the host did, 0 if it did not.
func IsUnknown(err error, code int) bool {
	var u *UnknownError
	return errors.As(err, &u) || code != 0 && code != saysNo
}
