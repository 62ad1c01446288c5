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
		if r.Kind == "systemd" && !(lang.Spec{Attrs: r.Spec}).Bool("reload") {
			r.Proof = append(r.Proof, "another main process") // see restart "systemd"
		}
		named := rename{from: h.To, to: Release{}}
		for _, steps := range [][]Step{h.Switch, h.After} {
			for _, s := range steps {
				if s.Op == OpCheck && asksFor(named, s.Spec) {
					r.Proof = append(r.Proof, s.ID)
				}
			}
		}
		if len(r.Proof) == 0 {
			m.tell(h.Name, "nothing proves that the new process answers: restart %q does not, and no check names the release; "+
				"add json = { \".version\" = release.tag } or contains = release.tag to an http check (%s)", r.Kind, t.Restart.Range)
		}
	}
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
