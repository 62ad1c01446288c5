package event

import "strings"

// A Level says how much an event asks for attention.
type Level string

// The levels, the least first.
const (
	Debug Level = "debug"
	Info  Level = "info"
	Warn  Level = "warn"
	Error Level = "error"
)

// Rank orders levels; of a word that is none it is -1.
func (l Level) Rank() int {
	switch l {
	case Debug:
		return 0
	case Info:
		return 1
	case Warn:
		return 2
	case Error:
		return 3
	}
	return -1
}

// LevelOf is the level of an event.
func LevelOf(e Event) Level {
	switch e.Type {
	case Output:
		if e.Level.Rank() >= 0 {
			return e.Level
		}
	case StepStarted, StepDone, HostStarted, HookStarted:
		return Debug
	case StepFailed, HostFailed, HookFailed, GateRefused, LockLost:
		return Error
	case Halted, RollingBack, Aborted, Paused, RunResumed:
		return Warn
	case Note:
		if len(e.Detail) > 0 { // something failed, and the run went on
			return Warn
		}
	case RunFinished:
		switch e.Outcome {
		case Mixed:
			return Error
		case RolledBack, Abort, Refused:
			return Warn
		}
	}
	return Info
}

// LevelOfLine guesses the level of a line that a program printed by the words
// that programs use for it.
func LevelOfLine(line string) Level {
	level, before := Info, ""
	for word := range strings.FieldsFuncSeq(line, notOfWord) {
		word = strings.ToLower(word)
		switch word {
		case "error", "errors", "err", "fatal", "panic", "exception", "traceback", "critical", "crit", "emerg", "alert", "failed", "failure", "segfault":
			if before != "0" && before != "no" && before != "without" {
				return Error
			}
		case "warn", "warning", "warnings", "deprecated":
			if before != "0" && before != "no" && before != "without" {
				level = Warn
			}
		}
		before = word
	}
	return level
}

// notOfWord tells which runes part words; a-b and a_b are one.
func notOfWord(r rune) bool {
	return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
