package plan

import "shipit/lang"

// answers are the attributes of a check that speak of what came back; a URL
// that names the release proves nothing of who answers.
var answers = []string{"contains", "matches", "json", "expect_headers", "run", "shell", "must", "query"}

// prove notes on the restart what proves that a new process answers
// afterwards, and tells the reader where nothing does: a port that is open
// may be the old process's.
func (m *maker) prove(v *move, t *lang.Target) {
	h := v.h
	for i := range h.Switch {
		r := &h.Switch[i]
		if r.Op != OpRestart || !v.flip {
			continue
		}
		if how := insists(lang.Spec{Kind: r.Kind, Attrs: r.Spec}); how != "" {
			r.Proof = append(r.Proof, how)
		}
		named := rename{from: h.To, to: Release{}}
		for _, steps := range [][]Step{h.Switch, h.After} {
			for _, s := range steps {
				if s.Op == OpCheck && asksFor(named, s.Spec) {
					r.Proof = append(r.Proof, s.ID)
				}
			}
		}
		switch {
		case len(r.Proof) > 0:
		case h.To.Link != "":
			m.tell(h.Name, "nothing proves that the new process answers: restart %q does not, and what a check could look for is not known of %s", r.Kind, clean(h.To.Name()))
		default:
			m.tell(h.Name, "nothing proves that the new process answers: restart %q does not, and no check names the release; "+
				"add json = { \".version\" = release.tag } or contains = release.tag to an http check%s (%s)", r.Kind, mend(r.Kind), t.Restart.Range)
		}
	}
}

// insists says what a restart compares itself, "" for one that takes whatever
// process there is: see exec/restart.
func insists(s lang.Spec) string {
	file := s.Text("pid_file")
	switch {
	case s.Bool("reload"):
	case s.Kind == "systemd":
		return "another main process"
	case file != "" && (s.Kind != "signal" || s.Bool("successor")):
		return "another process in " + clean(file)
	}
	return ""
}

// mend is what else would make a restart of that kind a proof.
func mend(kind string) string {
	switch kind {
	case "service", "command":
		return ", or pid_file to the restart"
	case "signal":
		return ", or pid_file and successor = true to the restart where the signal starts a new process"
	}
	return ""
}

// asksFor tells whether an answer is compared with something of the release.
func asksFor(r rename, spec map[string]any) bool {
	for _, name := range answers {
		if _, ok := r.value(spec[name]); !ok {
			return true
		}
	}
	return false
}
