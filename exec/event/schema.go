package event

import (
	"reflect"
	"strings"
	"time"
)

// Types are the types of events that this version knows.
func Types() []Type {
	return []Type{
		RunStarted, RunResumed, HostStarted, StepStarted, StepDone, StepFailed, HostDone, HostFailed, BatchStarted, BatchDone,
		GateOpened, GatePassed, GateRefused, HookStarted, HookDone, HookFailed, Asked, Answered, Paused, Continued, Aborted,
		Halted, RollingBack, LockLost, HostSkipped, HostRetried, Note, Output, RunFinished,
	}
}

// values are the fields that have one of a few values, in this version.
var values = map[string][]string{
	"phase":   {string(Stage), string(Switch), string(After), string(Undo), string(Prune)},
	"cause":   {string(Failed), string(Unhealthy), string(Lost), string(Unknown), string(Stale), string(Fenced), string(Interrupted)},
	"level":   {string(Debug), string(Info), string(Warn), string(Error)},
	"answer":  {string(No), string(NotKnown)},
	"outcome": {string(Done), string(Nothing), string(RolledBack), string(Mixed), string(Abort), string(Refused)},
}

// JSONSchema describes a line of a journal or of a stream: the first line, an
// event, or the error of a command. Whatever a minor version adds fits it, too:
// fields may be added, and words.
func JSONSchema() map[string]any {
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "A line of a run's journal, of apply --json and of --json-into, of shipit's format " + Schema,
		"type":    "object", "required": []string{"type"},
		"oneOf": []any{
			map[string]any{"$ref": "#/$defs/journal"},
			map[string]any{"$ref": "#/$defs/version"},
			map[string]any{"$ref": "#/$defs/error"},
			map[string]any{"$ref": "#/$defs/event"},
		},
		"$defs": map[string]any{
			"journal": first("journal", "run", "service", "environment"),
			"version": first("version"),
			"error": map[string]any{
				"required": []string{"exit_code", "message"},
				"properties": map[string]any{
					"type": map[string]any{"const": "error"}, "exit_code": map[string]any{"type": "integer"}, "message": map[string]any{"type": "string"},
				},
			},
			"event": events(),
		},
	}
}

// first is the first line of a journal or stream.
func first(name string, required ...string) map[string]any {
	major, _, _ := strings.Cut(Schema, ".")
	properties := map[string]any{
		"type":   map[string]any{"const": name},
		"format": map[string]any{"type": "string", "pattern": `^` + major + `\.[0-9]+$`},
		"shipit": map[string]any{"type": "string"},
	}
	for _, field := range required {
		properties[field] = map[string]any{"type": "string"}
	}
	return map[string]any{"required": append([]string{"format", "shipit"}, required...), "properties": properties}
}

// events is what the struct says of itself.
func events() map[string]any {
	properties := map[string]any{"crc": map[string]any{"type": "string", "pattern": "^[0-9a-f]{8}$"}}
	required := []string{}
	fields := reflect.TypeFor[Event]()
	for i := range fields.NumField() {
		f := fields.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if options == "" {
			required = append(required, name)
		}
		properties[name] = kind(f.Type)
		if known := values[name]; known != nil {
			properties[name] = open(known)
		}
	}
	known := []string{}
	for _, t := range Types() {
		known = append(known, string(t))
	}
	kinds := open(known)
	kinds["not"] = map[string]any{"enum": []string{"journal", "version", "error"}}
	properties["type"] = kinds
	return map[string]any{"required": required, "properties": properties}
}

// open is a word of a list that may grow.
func open(known []string) map[string]any {
	return map[string]any{"type": "string", "minLength": 1, "anyOf": []any{map[string]any{"enum": known}, true}}
}

func kind(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": kind(t.Elem())}
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{"type": "string"}
}
