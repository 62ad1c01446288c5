package schema

// File is the schema of a definition file: the blocks and attributes at the
// top level.
func File() *Block {
	return &Block{
		Doc:   "The top level of a file.",
		Scope: Literal,
		Attrs: []Attr{
			{Name: "include", Type: Strings, Form: Plain, Doc: "Files that are read as if they stood here. Paths start at the directory of the definition (the file that shipit was given); one that begins with ./ or ../ is beside the file that says it."},
		},
		Blocks: []*Block{shipit(), variable(), locals(), hosts(), environment(), state(), service()},
	}
}

func shipit() *Block {
	return &Block{
		Name: "shipit", Scope: Literal, Max: 1,
		Doc: "What the definition asks of shipit itself. It is read before anything else.",
		Attrs: []Attr{
			{Name: "required_version", Type: String, Form: Line, Doc: "Versions of shipit that can read the definition, like \">= 0.4, < 2\"."},
		},
	}
}

func variable() *Block {
	return &Block{
		Name: "variable", Labels: []Label{{"name", Ident}}, Scope: Literal,
		Doc: "A value that is chosen per environment or per run. Expressions use it as var.NAME. One without a default must be given.",
		Attrs: []Attr{
			{Name: "type", Type: Types, Default: "any", Doc: "The type that every value is converted to: string, number, bool, list(TYPE), map(TYPE), set(TYPE), object({NAME = TYPE}), tuple([TYPE]) or any."},
			{Name: "default", Type: Any, Scope: Constant, Doc: "The value where nothing else is given."},
			{Name: "description", Type: String, Doc: "What it is for."},
			{Name: "sensitive", Type: Bool, Default: "false", Doc: "Keep the value out of every output, plan and process list. It may be used in the content of a file and in conditions, nowhere else."},
		},
		Blocks: []*Block{{
			Name: "validation", Scope: Own,
			Doc: "A condition that every value must meet.",
			Attrs: []Attr{
				{Name: "condition", Type: Bool, Required: true, Secret: true, Doc: "Whether the value is good. It may use the variable itself and functions."},
				{Name: "message", Type: String, Required: true, Doc: "What is wrong with a value that is not."},
			},
		}},
	}
}

func locals() *Block {
	return &Block{
		Name: "locals", Scope: Top, Free: true,
		Doc: "Names for expressions, used as local.NAME. There may be several blocks; the names may refer to each other, not in a circle.",
	}
}

// ssh is how a group is reached, and how one host is.
func ssh() *Block {
	return &Block{
		Name: "ssh", Max: 1,
		Doc: "How the hosts are reached. What is left out is decided by ~/.ssh/config.",
		Elsewhere: map[string]string{
			"legacy_algorithms": "It is an exception of single hosts: write host \"NAME\" { ssh { legacy_algorithms = true } } in the group.",
		},
		Attrs: []Attr{
			{Name: "user", Type: String, Form: UserName, Doc: "The login."},
			{Name: "port", Type: Number, Min: 1, Max: 65535, Doc: "The port of sshd."},
			{Name: "jump", Type: Words, Form: Jump, Doc: "The hosts to go through, [user@]host[:port], the first hop first."},
			{Name: "known_hosts", Type: String, Form: BelowPath, Doc: "A known_hosts file in the repository, its path as for include: then no other host key is accepted."},
			{Name: "identity", Type: String, Form: Plain, Doc: "The path of a private key, or of its public half (then an agent signs). A relative one starts at the directory of the definition."},
			{Name: "via", Type: String, OneOf: []string{"builtin", "openssh"}, Doc: "Who speaks SSH: shipit itself (builtin, where nothing is said), or the program ssh, one a host, for what only OpenSSH can do (GSSAPI, FIDO and PKCS#11 keys, ProxyCommand, KnownHostsCommand)."},
		},
	}
}

// hostSSH is ssh with what only a single host may say, so that each exception
// is seen in a review.
func hostSSH() *Block {
	b := ssh()
	b.Attrs = append(b.Attrs, Attr{Name: "legacy_algorithms", Type: Bool, Doc: "Also speak the algorithms of old devices: ssh-rsa signatures (SHA-1), Diffie-Hellman groups with SHA-1, CBC ciphers. Only in a host's own block, and not for its jump hosts."})
	return b
}

func hosts() *Block {
	return &Block{
		Name: "hosts", Labels: []Label{{"name", Ident}}, Scope: Fleet,
		Doc: "A named group of machines, used as hosts.NAME. A machine belongs to one group.",
		Attrs: []Attr{
			{Name: "names", Type: Strings, Form: HostName, Doc: "The names of the hosts, in the order in which they are deployed to. expand(\"web[01-20].example.org\") writes a range."},
			{Name: "from_file", Type: String, Form: Plain, Doc: "Or a file in the repository that lists them as dsh does: a name or a range like web[01-20].example.org on each line, comments after #. Its path is as for include."},
			{Name: "from_command", Type: Command, Doc: "Or a command that prints them as ansible-inventory --list does. plan and apply run it without a shell in the directory of the definition; validate never does. ansible_host, ansible_port and ansible_user of a host are taken over where the definition does not say otherwise."},
			{Name: "group", Type: String, Form: Line, Doc: "With from_command: only the hosts of this group and its children."},
			{Name: "label_vars", Type: Strings, Default: "[]", Form: Name, Doc: "With from_command: the variables of a host that become labels."},
			{Name: "snapshot", Type: String, Form: Plain, Doc: "With from_command: a committed file with what the command printed, for validate. Its path is as for include."},
			{Name: "labels", Type: Labels, Default: "{}", Doc: "What expressions and select() know about the hosts."},
		},
		ExactlyOne: [][]string{{"names", "from_file", "from_command"}},
		Blocks: []*Block{
			ssh(),
			{
				Name: "host", Labels: []Label{{"name", HostName}},
				Doc: "What is different on one host of the group.",
				Attrs: []Attr{
					{Name: "address", Type: String, Form: HostName, Doc: "What is dialled. Default: the name."},
					{Name: "port", Type: Number, Min: 1, Max: 65535, Doc: "The port of sshd on this host."},
					{Name: "labels", Type: Labels, Default: "{}", Doc: "Added to the labels of the group; the same key wins over the group's."},
				},
				Blocks: []*Block{hostSSH()},
			},
		},
	}
}

func environment() *Block {
	return &Block{
		Name: "environment", Labels: []Label{{"name", Name}}, Scope: Top,
		Doc: "A named choice of hosts and of values for variables. Nothing else differs between environments. Without one, there is the environment \"default\".",
		Attrs: []Attr{
			{Name: "hosts", Type: Hosts, Default: "[]", Doc: "The hosts, as env.hosts."},
			{Name: "values", Type: Values, Scope: Constant, Doc: "Values of declared variables."},
			{Name: "protected", Type: Bool, Default: "false", Scope: Literal, Doc: "Whether apply asks to type the environment's name."},
		},
	}
}

func state() *Block {
	return &Block{
		Name: "state", Scope: Literal, Max: 1,
		Doc: "Where runs are recorded and followed. Without it, in a directory of who runs shipit. --state and SHIPIT_STATE go before it.",
		Kinds: []Kind{
			{Name: "file", Doc: "A directory on the deployer.", Attrs: []Attr{
				{Name: "path", Type: String, Form: Plain, Doc: "The directory: absolute, or below the home of who runs shipit as ~/NAME. Default: ~/.local/state/shipit/runs, or shipit/runs in $XDG_STATE_HOME."},
			}},
			{Name: "redis", Doc: "A Redis that several machines share, beside a directory on the deployer. A run never waits for it.", ExactlyOne: [][]string{{"url", "url_file"}}, Attrs: []Attr{
				{Name: "url", Type: String, Form: Plain, Doc: "Where the Redis is: redis://HOST:PORT, or rediss:// for TLS; with ?master_name=NAME it names a Sentinel. It holds no password."},
				{Name: "url_file", Type: String, Form: Plain, Doc: "Or a file on the deployer that holds the URL, where there is a password in it."},
				{Name: "key", Type: String, Form: Name, Default: `"shipit"`, Doc: "What the names of all keys in the Redis begin with."},
			}},
		},
	}
}

func service() *Block {
	return &Block{
		Name: "service", Labels: []Label{{"name", Name}}, Scope: Env,
		Doc: "What is deployed. A definition has one or more.",
		Attrs: []Attr{
			{Name: "description", Type: String, Form: Line, Scope: Service, Doc: "One line for people."},
			{Name: "owners", Type: Strings, Default: "[]", Form: Line, Scope: Service, Doc: "Who to ask."},
			{Name: "hosts", Type: Hosts, Required: true, Doc: "The machines, in the order of deployment."},
			{Name: "after", Type: Services, Doc: "Services that come before this one where several are planned or applied together, as [service.NAME]: of this definition, or of another that the command names. A rollback goes the other way round."},
			{Name: "user", Type: String, Form: UserName, Doc: "The Unix user that owns the releases and runs the commands. Default: the login."},
		},
		Blocks: []*Block{
			release(), transport(), file(), batch(), budget(), window(), drain(), restart(), check(), rollback(), hook(), notify(), lock(), assert(),
		},
	}
}
