package schema

func release() *Block {
	return &Block{
		Name: "release", Scope: Service, Min: 1, Max: 1,
		Doc: "What a version of the service is. Which version is deployed is chosen when planning (--release), not here.",
		Attrs: []Attr{
			{Name: "repo", Type: String, Required: true, Form: Plain, Doc: "URL or path of the git repository."},
			{Name: "scheme", Type: String, Required: true, Form: TagScheme, Doc: "How tags are named and ordered: \"release/{date}/{n}\", \"v{semver}\"."},
			{Name: "keep", Type: Number, Default: "5", Min: 2, Max: 1000, Doc: "Releases that stay on a host. Without a second one there is nothing to roll back to."},
		},
		Blocks: []*Block{{
			Name: "verify", Max: 1,
			Doc: "Only releases whose tag somebody of a list has signed by an SSH key are planned; shipit tag signs. A rollback to what hosts have needs no signature.",
			Attrs: []Attr{
				{Name: "signers", Type: String, Required: true, Form: Plain, Doc: "A file in the repository of the definition that lists who may sign, in the form that ssh-keygen calls allowed signers: a name, options like valid-before=\"20160101Z\", and a public key on each line. Its path is as for include."},
			},
		}},
	}
}

func file() *Block {
	return &Block{
		Name: "file", Labels: []Label{{"path", PathName}}, Scope: Host,
		Doc: "A file outside the release, written before the release is activated and restored by a rollback.",
		Attrs: []Attr{
			{Name: "content", Type: String, Required: true, Secret: true, Doc: "The whole content, often by templatefile(). May be sensitive."},
			{Name: "owner", Type: String, Form: UserName, Doc: "Default: the login."},
			{Name: "group", Type: String, Form: UserName, Doc: "Default: the group of whoever writes it: root's where the owner is not the login."},
			{Name: "mode", Type: Mode, Default: `"0644"`, Doc: "Permissions, as a string of four octal digits."},
			{Name: "restart", Type: Bool, Default: "true", Doc: "Whether a change implies the restart."},
		},
	}
}

func batch() *Block {
	return &Block{
		Name: "batch", Labels: []Label{{"name", Name}}, Scope: Service,
		Doc: "Hosts that are taken together, in the order of the blocks. Either certain hosts, or a size or ramp that repeats until no host is left (so only the last batch can have one). Without any: one host, then the rest one by one.",
		Attrs: []Attr{
			{Name: "hosts", Type: Hosts, Doc: "Certain hosts, often by select()."},
			{Name: "size", Type: Size, Doc: "So many hosts at a time, 4 or \"25%\" (rounded up)."},
			{Name: "ramp", Type: Sizes, Doc: "Sizes that follow each other, [1, \"10%\", \"50%\"]; the last repeats."},
			{Name: "parallel", Type: Size, Doc: "So many hosts of a slice are out of service at once, in a rollback too: as one comes back, the next goes out. Default: the whole slice."},
			{Name: "spread", Type: String, Form: Line, Doc: "A label: the hosts are taken from each of its values in turn."},
			{Name: "soak", Type: Duration, Default: `"0s"`, Doc: "How long the checks must go on passing before the next batch."},
			{Name: "confirm", Type: Bool, Default: "false", Doc: "Ask before the next batch."},
			{Name: "confirm_within", Type: Duration, Default: `"1h"`, Doc: "How long the question waits. Without an answer the run stops there, and what was done stands."},
			{Name: "by", Type: String, Form: Line, Doc: "A label: a slice never holds hosts with two of its values."},
			{Name: "max_failed", Type: Size, Default: "0", Doc: "Hosts of the batch on which a step may fail before the run stops. A share of a budget is rounded down."},
			{Name: "max_unhealthy", Type: Size, Default: "0", Doc: "Hosts of the batch that may fail a check before the run stops."},
			{Name: "max_unreachable", Type: Size, Default: "0", Doc: "Hosts of the batch that may be unreachable before the run stops."},
		},
		ExactlyOne: [][]string{{"hosts", "size", "ramp"}},
	}
}

func budget() *Block {
	return &Block{
		Name: "budget", Scope: Service, Max: 1,
		Doc: "How many hosts of the whole run may go wrong, beside the budgets of the batches, before no new host starts. What is left out is not counted over the run.",
		Attrs: []Attr{
			{Name: "max_failed", Type: Size, Doc: "Hosts on which a step failed. A share is one of the hosts that the plan changes, rounded down."},
			{Name: "max_unhealthy", Type: Size, Doc: "Hosts that failed a check."},
			{Name: "max_unreachable", Type: Size, Doc: "Hosts that cannot be reached, or that nobody can say anything about."},
		},
	}
}

func window() *Block {
	return &Block{
		Name: "window", Scope: Service,
		Doc: "When deploys may start: outside of all windows apply refuses, and a run starts no new slice. Rollbacks are never held up. Without any: always.",
		Attrs: []Attr{
			{Name: "days", Type: Strings, Default: `["mon", "tue", "wed", "thu", "fri", "sat", "sun"]`, OneOf: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Doc: "The days on which it opens."},
			{Name: "hours", Type: String, Default: `"00:00-24:00"`, Form: Hours, Doc: "From when to when. One that ends before it begins ends on the next day."},
			{Name: "zone", Type: String, Default: `"UTC"`, Form: Zone, Doc: "Of which zone the days and hours are, as \"Europe/Amsterdam\"."},
		},
	}
}

func drain() *Block {
	return &Block{
		Name: "drain", Scope: Host, Max: 1,
		Doc: "The pair of commands around a change of a host. A host that failed its check stays out of service.",
		Attrs: []Attr{
			{Name: "out", Type: Command, Required: true, Doc: "Takes the host out of service."},
			{Name: "in", Type: Command, Required: true, Doc: "Puts it back."},
			{Name: "within", Type: Duration, Default: `"30s"`, Doc: "How long each may take."},
		},
	}
}

func rollback() *Block {
	return &Block{
		Name: "rollback", Scope: Service, Max: 1,
		Doc: "What happens when a step fails. The defaults hold without the block as well.",
		Attrs: []Attr{
			{Name: "on", Type: Strings, Default: `["check", "restart", "activate", "drain", "file", "hook"]`, OneOf: []string{"check", "restart", "activate", "drain", "file", "hook", "batch"}, Doc: "Which failures; [] is never."},
			{Name: "scope", Type: String, Default: `"run"`, OneOf: []string{"host", "batch", "run"}, Doc: "What goes back: the host, its batch, or everything that the run touched."},
			{Name: "to", Type: String, Default: `"last_good"`, OneOf: []string{"last_good", "previous"}, Doc: "The last release whose checks all passed on that host, or the one before."},
			{Name: "watchdog", Type: Duration, Doc: "A host that is being changed goes back by itself where the deployer has not confirmed it over a new connection so long after the drain. It must be longer than all that happens until then."},
		},
	}
}

func hook() *Block {
	return &Block{
		Name: "hook", Labels: []Label{{"name", Name}}, Scope: Host,
		Doc: "A command at a named moment. At start, batch, finish and failure there is no single host, so `host` is not known there.",
		Attrs: []Attr{
			{Name: "at", Type: String, Required: true, Scope: Constant, OneOf: []string{"start", "before_stage", "after_stage", "before_restart", "after_restart", "batch", "finish", "failure"}, Doc: "When."},
			{Name: "from", Type: String, Default: `"host"`, Scope: Service, OneOf: []string{"host", "deployer"}, Doc: "Where it runs."},
			{Name: "run", Type: Command, Doc: "The program and its arguments; no shell."},
			{Name: "shell", Type: String, Doc: "Or a script for /bin/sh."},
			{Name: "once", Type: Bool, Default: "false", Scope: Service, Doc: "Run once per run, on the first host."},
			{Name: "on_failure", Type: String, Default: `"stop"`, Scope: Service, OneOf: []string{"stop", "continue"}, Doc: "Whether its failure stops the run."},
			{Name: "within", Type: Duration, Default: `"60s"`, Scope: Service, Doc: "How long it may take."},
		},
		ExactlyOne: [][]string{{"run", "shell"}},
	}
}

func lock() *Block {
	return &Block{
		Name: "lock", Scope: Service, Max: 1,
		Doc: "What a run excludes, and how long it waits for another one.",
		Attrs: []Attr{
			{Name: "scope", Type: String, Default: `"service"`, OneOf: []string{"service", "global"}, Doc: "Runs of this service, or every run."},
			{Name: "host", Type: String, Form: HostName, Doc: "A host that is locked before all others."},
			{Name: "wait", Type: Duration, Default: `"0s"`, Doc: "How long to wait for a lock that somebody else holds."},
		},
	}
}

func assert() *Block {
	return &Block{
		Name: "assert", Scope: Run,
		Doc: "A rule that the definition must meet in every environment.",
		Attrs: []Attr{
			{Name: "condition", Type: Bool, Required: true, Secret: true, Doc: "What must be true."},
			{Name: "message", Type: String, Required: true, Doc: "What is wrong where it is not."},
			{Name: "level", Type: String, Default: `"error"`, OneOf: []string{"error", "warn"}, Doc: "Whether a failure makes the definition unusable."},
		},
	}
}
