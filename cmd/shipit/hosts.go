package main

import (
	"context"
	"fmt"
	"time"

	"shipit/exec"
	"shipit/exec/remote"
	"shipit/exec/view"
	"shipit/lang"
)

type hostsCmd struct {
	fleetFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c *hostsCmd) Help() string {
	return "Says how each host would be reached and who decided it: the definition, your ssh configuration, or shipit's default. Connects to no host.\n\n" + examples(
		"shipit hosts restbase.hcl -e production",
		"shipit hosts restbase.hcl -e production --json | jq -r '.services[].hosts[].host'")
}

// A serviceHosts is the hosts of a service.
type serviceHosts struct {
	Service string       `json:"service"`
	Env     string       `json:"environment"`
	Hosts   []view.Reach `json:"hosts"`
}

func (c *hostsCmd) Run(w *world) error {
	ctx, to, err := c.survey(w)
	if err != nil {
		return err
	}
	defer to.close()
	var all []serviceHosts
	for _, s := range to.services {
		list := serviceHosts{Service: s.service, Env: s.def.Env.Name}
		for _, t := range s.def.Targets {
			r := reach(ctx, to.ssh, t.Host, s)
			r.Settings = append(r.Settings, c.settings()...)
			list.Hosts = append(list.Hosts, r)
		}
		all = append(all, list)
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"format": "1.0", "services": all})
	}
	for i, list := range all {
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		title := list.Service
		if list.Env != lang.DefaultEnv {
			title += "  " + list.Env
		}
		view.Hosts(w.stdout, title, list.Hosts, w.style())
	}
	return nil
}

// reach says how a host would be reached.
func reach(ctx context.Context, ssh *remote.SSH, h lang.Host, s *source) view.Reach {
	r := view.Reach{Host: h.Name, Group: h.Group, Labels: h.Labels, At: h.Range.String()}
	settings, err := ssh.Settings(ctx, exec.TargetOfHost(h, s.base(), s.def.File))
	if err != nil {
		r.Problem = err.Error()
	}
	for _, set := range settings {
		r.Settings = append(r.Settings, view.ReachSetting{Name: set.Name, Value: set.Value, From: string(set.From)})
	}
	return r
}

// settings are those that are the same for all hosts: only the command line
// may change them.
func (f *sshFlags) settings() []view.ReachSetting {
	set := func(name, value string, typed bool) view.ReachSetting {
		from := string(remote.FromDefault)
		if typed {
			from = "command line"
		}
		return view.ReachSetting{Name: name, Value: value, From: from}
	}
	keys := "only those that are known"
	if f.AcceptNew {
		keys = "a host that was never seen is trusted"
	}
	list := []view.ReachSetting{
		set("host_keys", keys, f.AcceptNew),
		set("connect_timeout", f.ConnectTimeout.String(), f.ConnectTimeout != 15*time.Second),
		set("keepalive", f.KeepAlive.String(), f.KeepAlive != 15*time.Second),
	}
	if f.SSHConfig != "" {
		list = append(list, set("ssh_config", f.SSHConfig, true))
	}
	return list
}
