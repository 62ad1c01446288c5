package plan

// moved stands against a release whose tag was another commit when a host
// last had it: what was reviewed and run by that name is not what it names
// now.
func (m *maker) moved() {
	to := m.in.Release
	if m.in.Kind != Deploy || to.Tag == "" || to.Commit == "" {
		return
	}
	for i := range m.in.Facts.Hosts {
		f := &m.in.Facts.Hosts[i]
		for _, r := range f.History {
			if r.Tag == to.Tag && r.Commit != "" && r.Commit != to.Commit {
				m.against("the tag %s has moved: on %s it was commit %.12s, and it is %.12s now; a tag never moves, so make a new one with shipit tag",
					to.Tag, f.Name, clean(r.Commit), to.Commit)
				return
			}
		}
	}
}
