package lang

import (
	"net/url"
	"strings"
)

// State is the definition's state block, nil where it has none: where runs
// are recorded. It is the same in every environment, so that it can be read
// where nothing is evaluated. It is nil also where it is wrong; Evaluate says
// why.
func (c *Config) State() *Spec {
	if c.broken.HasErrors() {
		return nil
	}
	return c.evaluator("", nil).state()
}

// state reads and checks the block.
func (e *evaluator) state() *Spec {
	found := filter(e.nodes, "state")
	if len(found) == 0 {
		return nil
	}
	n := found[0]
	before := len(e.diags)
	s := e.spec(n)
	switch s.Kind {
	case "file":
		e.checkStatePath(n, s.Text("path"))
	case "redis":
		e.checkStateURL(n, s.Text("url"))
		e.checkStatePath(n, s.Text("url_file"))
	}
	if len(e.diags) > before {
		return nil
	}
	return &s
}

// checkStatePath refuses a path that would depend on where shipit is started.
func (e *evaluator) checkStatePath(n *node, path string) {
	if path == "" || strings.HasPrefix(path, "/") || strings.HasPrefix(path, "~/") {
		return
	}
	name := "path"
	if n.attrs[name] == nil {
		name = "url_file"
	}
	e.errorf("E0470", n.at(name), "Write an absolute path, or one that begins with ~/.",
		"It is a place on the machine that runs shipit, not one in the repository.", "%s is relative", name)
}

func (e *evaluator) checkStateURL(n *node, text string) {
	if text == "" {
		return
	}
	const help = `Write url = "redis://redis.example.org:6379", or rediss:// for TLS.`
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
		e.errorf("E0471", n.at("url"), help, "", "url does not name a Redis")
		return
	}
	_, secret := u.User.Password()
	for name := range u.Query() {
		secret = secret || strings.HasSuffix(name, "password")
	}
	if secret {
		e.errorf("E0472", n.at("url"), `Put the URL into a file on the deployer and write url_file = "~/.config/shipit/redis", or set SHIPIT_STATE.`,
			"Whoever reads the repository would have it.", "url holds a password")
	}
}
