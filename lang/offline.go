package lang

// A Lookup gives what completion offers. It evaluates offline, without values
// for variables, and says nothing about mistakes: what cannot be known is not
// there.
type Lookup struct{ e *evaluator }

// Lookup looks at the definition in an environment; any other name is the
// first. It is nil where the definition has no sound structure.
func (c *Config) Lookup(env string) *Lookup {
	if c.tooOld || c.unread {
		return nil
	}
	known := c.Environments()
	chosen := known[0]
	for _, name := range known {
		if name == env {
			chosen = name
		}
	}
	e := c.evaluator(chosen, nil)
	e.offline = true
	return &Lookup{e}
}

// Repos are the repository and the tag scheme of each service.
func (l *Lookup) Repos() [][2]string {
	var list [][2]string
	for _, n := range l.e.services {
		r := n.first("release")
		if r == nil {
			continue
		}
		l.e.service = n
		repo, scheme := get[string](l.e, r, "repo"), get[string](l.e, r, "scheme")
		if repo != "" && scheme != "" {
			list = append(list, [2]string{repo, scheme})
		}
	}
	return list
}

// Hosts are the names of all machines, in the order of their declaration.
func (l *Lookup) Hosts() []string {
	var names []string
	for _, h := range l.e.allHosts() {
		names = append(names, h.Name)
	}
	return names
}
