package schema

// Scenarios is the schema of a scenario file.
func Scenarios() *Block {
	return &Block{
		Doc:    "The top level of a scenario file, NAME.test.hcl beside the definition NAME.hcl: what `shipit test` plays on a simulated fleet.",
		Scope:  Constant,
		Blocks: []*Block{scenario()},
	}
}

func scenario() *Block {
	return &Block{
		Name: "scenario", Labels: []Label{{"name", Line}}, Scope: Constant,
		Doc: "One run on a simulated fleet: how the hosts are, what goes wrong, and what is expected of it.",
		Attrs: []Attr{
			{Name: "env", Type: String, Form: Line, Doc: "The environment. May be left out where the definition has one."},
			{Name: "service", Type: String, Form: Line, Doc: "The service. May be left out where the definition has one."},
			{Name: "release", Type: String, Required: true, Form: Plain, Doc: "The tag that is deployed. It need not exist: the scheme says how it must look."},
			{Name: "fleet", Type: Labels, Default: "{}", Doc: "What the hosts run before: tags by host, range or glob; \"\" is a host without any release, as are those that are not named. The narrowest pattern wins: a name over a range over a glob."},
			{Name: "values", Type: Values, Doc: "Values of variables, over those of the environment. A sensitive variable that has none gets a stand-in."},
			{Name: "limit", Type: Strings, Default: "[]", Form: Line, Doc: "As --limit of apply."},
			{Name: "without", Type: Strings, Default: "[]", Form: Line, Doc: "As --without of apply."},
			{Name: "batch_size", Type: Size, Doc: "As --batch-size of apply."},
			{Name: "fail", Type: WordLists, Default: "{}", Doc: "Steps that say no on hosts, always, except on the way back: by the step's id in the plan, the hosts. A fault block says more."},
			{Name: "unreachable", Type: Words, Default: "[]", Form: Line, Doc: "Hosts that cannot be reached from the beginning."},
			{Name: "slow", Type: Labels, Default: "{}", Doc: "Hosts on which every step takes so much longer: by host, the duration."},
			{Name: "confirm", Type: String, Default: `"continue"`, OneOf: []string{"continue", "stop"}, Doc: "What is answered when a batch asks whether to go on."},
		},
		Blocks: []*Block{fault(), kill(), abort(), expect()},
	}
}

func fault() *Block {
	return &Block{
		Name: "fault", Labels: []Label{{"step", Plain}},
		Doc: "Something that goes wrong whenever hosts begin a step: its id in the plan, like \"check.http.info\", \"restart\", \"stage\" or \"file:/etc/x\".",
		Attrs: []Attr{
			{Name: "hosts", Type: Words, Default: `"*"`, Form: Line, Doc: "Where."},
			{Name: "how", Type: String, Default: `"fail"`, OneOf: []string{"fail", "hang", "cut", "vanish", "slow"}, Doc: "It says no, hangs until its deadline, loses the connection, takes the host off the network for good, or takes longer (extra)."},
			{Name: "times", Type: Number, Min: 1, Max: 1000, Doc: "How often on each host. Default: always; once where the connection or the host is lost."},
			{Name: "passes", Type: Number, Default: "0", Max: 1000, Doc: "How often it goes well on each host first: a check that fails only while its batch soaks."},
			{Name: "on_rollback", Type: Bool, Default: "false", Doc: "Meet the step on the way back instead of on the way forward."},
			{Name: "extra", Type: Duration, Doc: "How much longer the step takes."},
		},
	}
}

func kill() *Block {
	return &Block{
		Name: "kill", Max: 1,
		Doc: "The deployer is killed as a host begins a step: its connections break, and nothing else is done or written.",
		Attrs: []Attr{
			{Name: "at", Type: String, Required: true, Form: Plain, Doc: "The step's id in the plan."},
			{Name: "host", Type: Words, Default: `"*"`, Form: Line, Doc: "On which host; of several, the first that begins it."},
			{Name: "then", Type: String, Default: `"apply"`, OneOf: []string{"apply", "resume", "rollback", "nothing"}, Doc: "What follows a minute later: the release is planned and applied again, the run is resumed, a rollback is planned and applied, or nothing."},
		},
	}
}

func abort() *Block {
	return &Block{
		Name: "abort", Max: 1,
		Doc: "A person aborts the run as a host begins a step.",
		Attrs: []Attr{
			{Name: "at", Type: String, Required: true, Form: Plain, Doc: "The step's id in the plan."},
			{Name: "host", Type: Words, Default: `"*"`, Form: Line, Doc: "On which host; of several, the first that begins it."},
			{Name: "then", Type: String, Default: `"leave"`, OneOf: []string{"leave", "rollback", "continue"}, Doc: "What is answered when the run is at rest and asks."},
		},
	}
}

func expect() *Block {
	return &Block{
		Name: "expect", Min: 1, Max: 1,
		Doc: "What must come of it. What is left out is not looked at.",
		Attrs: []Attr{
			{Name: "outcome", Type: String, OneOf: []string{"done", "nothing to do", "rolled back", "mixed", "aborted", "refused"}, Doc: "The outcome of the last run."},
			{Name: "exit", Type: Number, Max: 255, Doc: "The exit code of the last apply."},
			{Name: "touched", Type: Words, Form: Line, Doc: "The hosts on which something that runs was changed, in any run, and no others; [] is none."},
			{Name: "release", Type: Labels, Doc: "What the hosts run at the end, as in fleet. Hosts that no pattern means are not looked at."},
			{Name: "batches", Type: Lists, Doc: "The slices that were begun in the last run, in order: the hosts of each."},
			{Name: "most_out", Type: Number, Max: 1000000, Doc: "No more hosts than these are out of service at once, at any time."},
			{Name: "out", Type: Words, Form: Line, Doc: "The hosts that are out of service at the end, and no others; [] is none."},
			{Name: "reason", Type: String, Form: Line, Doc: "What the messages about hosts, batches or the refusal must contain."},
			{Name: "within", Type: Duration, Doc: "How long everything may take, in the fleet's time."},
		},
	}
}
