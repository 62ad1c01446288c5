package lang

// Text is the string under name, "" where there is none.
func (s Spec) Text(name string) string {
	v, _ := s.Attrs[name].(string)
	return v
}

// Bool is the truth under name, false where there is none.
func (s Spec) Bool(name string) bool {
	v, _ := s.Attrs[name].(bool)
	return v
}

// Int is the whole number under name, 0 where there is none. A saved plan
// reads numbers back as float64.
func (s Spec) Int(name string) int {
	switch v := s.Attrs[name].(type) {
	case int:
		return v
	case int64:
		return int(v)
	case float64:
		return int(v)
	}
	return 0
}

// Number is the number under name; ok is false where there is none.
func (s Spec) Number(name string) (n float64, ok bool) {
	switch v := s.Attrs[name].(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Duration is the duration under name, 0 where there is none.
func (s Spec) Duration(name string) Duration {
	d, err := ParseDuration(s.Text(name))
	if err != nil {
		return 0
	}
	return d
}

// List is the strings under name; a single string is a list of one.
func (s Spec) List(name string) []string {
	var out []string
	switch v := s.Attrs[name].(type) {
	case string:
		out = []string{v}
	case []string:
		out = append(out, v...)
	case []any:
		for _, e := range v {
			if t, ok := e.(string); ok {
				out = append(out, t)
			}
		}
	}
	return out
}

// Units are the units of systemd that a spec names, by either of its arguments.
func (s Spec) Units() []string { return append(s.List("units"), s.List("unit")...) }

// Map is the strings by name under name.
func (s Spec) Map(name string) map[string]string {
	out := map[string]string{}
	switch v := s.Attrs[name].(type) {
	case map[string]string:
		for k, e := range v {
			out[k] = e
		}
	case map[string]any:
		for k, e := range v {
			if t, ok := e.(string); ok {
				out[k] = t
			}
		}
	}
	return out
}

// Command is the command that the attributes run and shell give.
func (s Spec) Command() Command {
	if v := s.Attrs["run"]; v != nil {
		return Command{Argv: s.List("run")}
	}
	return Command{Shell: s.Text("shell")}
}
