package schema

import "strings"

func transport() *Block {
	return &Block{
		Name: "transport", Scope: Service, Min: 1, Max: 1,
		Doc: "How the bytes of a release reach a host, and where they lie there.",
		Attrs: []Attr{
			{Name: "path", Type: String, Required: true, Form: PathName, Doc: "The service's directory on a host, absolute or relative to the login's home."},
			{Name: "shared", Type: Strings, Default: "[]", Form: BelowPath, Doc: "Paths below the release that live across releases."},
		},
		Kinds: []Kind{
			{Name: "git", Doc: "The hosts fetch from a git repository that they can reach.", Attrs: []Attr{
				{Name: "origin", Type: String, Form: Plain, Doc: "Where the hosts fetch from: a URL, or a host that has the repository. Default: the release's repo."},
				{Name: "submodules", Type: Bool, Default: "false", Doc: "Whether submodules are fetched too."},
			}},
			{Name: "push", Doc: "Over the SSH connection, only what the host lacks.", Attrs: []Attr{
				{Name: "from", Type: String, Form: Plain, Scope: Run, Doc: "A directory, or an archive (tar, tar.gz, tar.zst, tar.bz2, zip), on the deployer that holds the release's files: what a build left. Absolute, or from the definition's directory. Default: the files of the commit."},
				{Name: "relay", Type: String, Form: Line, Doc: "A label. Of the hosts that have the same value of it, one gets the release from the deployer and serves it to the others by SSH, with a key that lives while they fetch. Where that fails, a host gets it from the deployer."},
				{Name: "strip", Type: Number, Max: 10, With: []string{"from"}, Doc: "Leading directories that are left out of the archive's names. Default: 0."},
			}},
			{Name: "http", Doc: "The hosts fetch an artifact with curl or wget. A download that broke off is gone on with.", Attrs: []Attr{
				{Name: "url", Type: String, Required: true, Form: Artifact, Scope: Run, Doc: "Where the artifact is. Its name ends in .tar, .tar.gz, .tar.bz2, .tar.xz or .tar.zst, unless unpack is false."},
				{Name: "sha256", Type: String, Required: true, Form: Digest, Scope: Run, Doc: "Its digest. checksum(file(\"SHA256SUMS\"), NAME) takes it from a committed list."},
				{Name: "unpack", Type: Bool, Default: "true", Doc: "Whether it is an archive. Otherwise it is the release's only file, and executable."},
				{Name: "strip", Type: Number, Default: "0", Max: 10, Doc: "Leading directories that are left out of the archive's names."},
				{Name: "mirrors", Type: Labels, Default: "{}", Form: Artifact, Scope: Run, Doc: "Other places to fetch it from, by a value of the label mirror_by. A host tries its own first, then the others, then url."},
				{Name: "mirror_by", Type: String, Default: `"dc"`, Form: Line, Doc: "The label that says which mirror is near."},
				{Name: "proxy", Type: String, Form: URL, Doc: "A proxy that speaks HTTP, such as a peer-to-peer cache on the host."},
			}},
			{Name: "rsync", Doc: "The hosts fetch from an rsync server, only what the release before lacks. What arrives must be the commit of the release, file by file.", Attrs: []Attr{
				{Name: "source", Type: String, Required: true, Form: Plain, Scope: Run, Doc: "The directory with the release's files: rsync://HOST/MODULE/PATH, or [USER@]HOST:PATH over SSH with the host's own key."},
			}},
		},
	}
}

func restart() *Block {
	within := Attr{Name: "within", Type: Duration, Default: `"60s"`, Doc: "How long it may take."}
	return &Block{
		Name: "restart", Scope: Host, Min: 1, Max: 1,
		Doc:   "How the service takes up a new release.",
		Attrs: []Attr{within},
		Kinds: []Kind{
			{Name: "systemd", Doc: "systemctl restart, and the unit must be active afterwards.", ExactlyOne: [][]string{{"unit", "units"}}, Attrs: []Attr{
				{Name: "unit", Type: String, Form: UnitName, Doc: "The unit."},
				{Name: "units", Type: Strings, Form: UnitName, Doc: "Or several, in order."},
				{Name: "reload", Type: Bool, Default: "false", Doc: "Reload instead of restart."},
			}},
			{Name: "service", Doc: "service NAME restart, as SysV scripts have it.", Attrs: []Attr{
				pidFileAttr(),
				{Name: "name", Type: String, Required: true, Form: ServiceName, Doc: "The service."},
				{Name: "reload", Type: Bool, Default: "false", Doc: "service NAME reload instead."},
			}},
			{Name: "signal", Doc: "A signal to the running process.", ExactlyOne: [][]string{{"pid_file", "unit"}}, Attrs: []Attr{
				{Name: "signal", Type: String, Default: `"HUP"`, Form: SignalName, Doc: "Its name without SIG."},
				{Name: "pid_file", Type: String, Form: PathName, Doc: "The file that holds the process id."},
				{Name: "successor", Type: Bool, Default: "false", With: []string{"pid_file"}, Doc: "The signal has the process start another, which writes its number into pid_file: the same one afterwards is a failure."},
				{Name: "unit", Type: String, Form: UnitName, Doc: "Or the systemd unit of the process."},
			}},
			{Name: "command", Doc: "Any command; its exit code decides.", ExactlyOne: [][]string{{"run", "shell"}}, Attrs: append(commandAttrs(), pidFileAttr())},
			{Name: "none", Doc: "Nothing needs to be restarted."},
		},
	}
}

// pidFileAttr is of the kinds that learn nothing else about the process.
func pidFileAttr() Attr {
	return Attr{
		Name: "pid_file", Type: String, Form: PathName,
		Doc: "The file that holds the process id: the same process after a restart is a failure.",
	}
}

func check() *Block {
	return &Block{
		Name: "check", Labels: []Label{{"name", Name}}, Scope: Host,
		Doc: "A question about a host or its service, asked until the answer is pass or the deadline is over.",
		Attrs: []Attr{
			{Name: "at", Type: String, Default: `"host"`, Scope: Service, OneOf: []string{"host", "batch", "finish"}, Doc: "Asked right after each host, after the slice, or at the end of the run."},
			{Name: "from", Type: String, Default: `"host"`, Scope: Service, OneOf: []string{"host", "deployer"}, Doc: "Where it is asked from; a prometheus check always from the deployer."},
			{Name: "preflight", Type: Bool, Default: "true", Doc: "Whether it is also asked before the first change, on hosts that run a release already. A log check never is."},
			{Name: "within", Type: Duration, Default: `"30s"`, Doc: "The deadline."},
			{Name: "every", Type: Duration, Default: `"1s"`, Doc: "The time between two attempts."},
			{Name: "timeout", Type: Duration, Default: `"5s"`, Doc: "How long one attempt may take; never more than within."},
			{Name: "successes", Type: Number, Default: "1", Min: 1, Max: 1000, Doc: "How many attempts must pass in a row."},
		},
		Kinds: []Kind{
			{Name: "http", Doc: "A GET request.", Attrs: []Attr{
				{Name: "url", Type: String, Required: true, Form: URL, Doc: "What is asked for."},
				{Name: "status", Type: Statuses, Default: "200", Doc: "The status that is wanted, or several."},
				{Name: "contains", Type: String, Doc: "What the body must contain: release.tag proves that the new process answers."},
				{Name: "matches", Type: String, Form: Line, Doc: "An extended regular expression that a line of the body must match."},
				{Name: "json", Type: Labels, Form: Line, Doc: "Values of the body's JSON by their paths: `{ \".version\" = release.tag }`."},
				{Name: "expect_headers", Type: Labels, Form: Line, Keys: Header, Doc: "Headers that the answer must have, each with exactly this value."},
				{Name: "headers", Type: Labels, Default: "{}", Form: Line, Keys: Header, Doc: "Headers that are sent."},
				{Name: "insecure", Type: Bool, Doc: "Whether a certificate that nobody vouches for is taken."},
			}},
			{Name: "tcp", Doc: "A connection is accepted.", Attrs: []Attr{
				{Name: "address", Type: String, Form: HostName, Doc: "Default: localhost from the host, the host's address from the deployer."},
				{Name: "port", Type: Number, Required: true, Min: 1, Max: 65535, Doc: "The port."},
			}},
			{Name: "systemd", Doc: "A unit is active.", Attrs: []Attr{
				{Name: "unit", Type: String, Required: true, Form: UnitName, Doc: "The unit."},
			}},
			{Name: "command", Doc: "A command ends with 0.", ExactlyOne: [][]string{{"run", "shell"}}, Attrs: commandAttrs()},
			{Name: "log", Doc: "What a service writes into the journal or a file since its restart. Without a line the answer is unknown, which is no pass.", ExactlyOne: [][]string{{"unit", "file"}, {"must", "must_not"}}, Attrs: []Attr{
				{Name: "unit", Type: String, Form: UnitName, Doc: "The systemd unit whose journal is read."},
				{Name: "file", Type: String, Form: PathName, Doc: "Or a file; a rotated one is read to its end."},
				{Name: "must", Type: String, Form: Line, Doc: "An extended regular expression that a line must match before the deadline."},
				{Name: "must_not", Type: String, Form: Line, Doc: "Or one that no more lines than max may match while the log is watched."},
				{Name: "max", Type: Number, Min: 0, Max: 1000000, With: []string{"must_not"}, Doc: "Lines that may match must_not in each window. Default: 0."},
				{Name: "window", Type: Duration, With: []string{"must_not"}, Doc: "How long the log is watched for must_not before the answer is pass. Default: 10s, or half of within where that is less."},
			}},
			{Name: "prometheus", Doc: "A query to a Prometheus, asked from the deployer. Without data the answer is unknown, which is no pass.", ExactlyOne: [][]string{{"below", "above"}}, Attrs: []Attr{
				{Name: "url", Type: String, Required: true, Form: URL, Doc: "Where the Prometheus is."},
				{Name: "query", Type: String, Required: true, Doc: "What is asked: an expression that gives a number for each series. All must hold, unless it is compared."},
				{Name: "below", Type: Decimal, Doc: "What the number must be below."},
				{Name: "above", Type: Decimal, Doc: "What the number must be above."},
				{Name: "compare", Type: String, OneOf: []string{"untouched"}, With: []string{"instance"}, Doc: "Compare the host's number with the median of the hosts that the run has not touched yet."},
				{Name: "by", Type: String, Default: `"ratio"`, OneOf: []string{"ratio", "difference"}, With: []string{"compare"}, Doc: "Whether below and above speak of the ratio or of the difference."},
				{Name: "instance", Type: String, Form: Line, With: []string{"compare"}, Doc: "What the label is on the host's own series, like \"${host.name}:9100\"; needed to compare."},
				{Name: "label", Type: String, Default: `"instance"`, Form: Ident, With: []string{"compare"}, Doc: "The label that tells the hosts apart."},
				{Name: "headers", Type: Labels, Default: "{}", Form: Line, Keys: Header, Doc: "Headers that are sent."},
				{Name: "insecure", Type: Bool, Doc: "Whether a certificate that nobody vouches for is taken."},
			}},
		},
	}
}

func notify() *Block {
	events := []string{"start", "finish", "failure", "rollback"}
	on := Attr{Name: "on", Type: Strings, Default: `["start", "finish", "failure", "rollback"]`, OneOf: events, Doc: "Which moments."}
	return &Block{
		Name: "notify", Scope: Run,
		Doc: "Tells somebody what happens. It never changes the outcome.",
		Attrs: []Attr{on, {
			Name: "deliver", Type: String, OneOf: []string{"best_effort", "at_least_once"},
			Doc: "Whether to give up after three attempts, or to try again, in later runs if it must be, for three days. Then a notice may come twice. Default: best_effort.",
		}},
		Kinds: []Kind{
			{Name: "irc", Doc: "A line in a channel.", Attrs: []Attr{
				{Name: "server", Type: String, Default: `"localhost:6667"`, Form: Dialled, Doc: "The server."},
				{Name: "tls", Type: Bool, Default: "false", Doc: "Whether the server speaks TLS."},
				{Name: "nick", Type: String, Default: `"shipit"`, Form: Ident, Doc: "The name to speak under."},
				{Name: "channel", Type: String, Required: true, Form: Channel, Doc: "The channel."},
			}},
			{Name: "email", Doc: "A mail, by a server that needs no login.", Attrs: []Attr{
				{Name: "server", Type: String, Default: `"localhost:25"`, Form: Dialled, Doc: "The server."},
				{Name: "tls", Type: Bool, Default: "false", Doc: "Whether to insist on STARTTLS."},
				{Name: "from", Type: String, Required: true, Form: Mail, Doc: "The sender."},
				{Name: "to", Type: Strings, Required: true, Form: Mail, Doc: "Who gets it."},
			}},
			{Name: "webhook", Doc: "A POST of the event as JSON, or in the form that a chat or Grafana takes.", ExactlyOne: [][]string{{"url", "url_file"}}, AtMostOne: [][]string{{"format", "template"}}, Attrs: []Attr{
				{Name: "url", Type: String, Form: URL, Doc: "Where to. A plan shows it."},
				{Name: "url_file", Type: String, Form: Plain, Doc: "Or a file on the deployer that holds the URL, where it is a secret."},
				{Name: "format", Type: String, Default: `"json"`, OneOf: []string{"json", "slack", "mattermost", "matrix", "grafana"}, Doc: "The form of the body."},
				{Name: "template", Type: String, Form: Body, Doc: "Or the body itself: JSON whose strings may hold {" + strings.Join(NoticeWords, "}, {") + "}."},
				{Name: "token_file", Type: String, Form: Plain, Doc: "A file on the deployer that holds a token, which is sent as Authorization: Bearer. Grafana wants one."},
				{Name: "secret_file", Type: String, Form: Plain, Doc: "A file on the deployer that holds the key of an HMAC-SHA-256 over the body, which goes into the header X-Shipit-Signature-256."},
			}},
			{Name: "exec", Doc: "A program on the deployer that gets the event as JSON on its input. It runs in the directory of the definition.", Attrs: []Attr{
				{Name: "run", Type: Command, Required: true, Doc: "The program and its arguments."},
			}},
		},
	}
}

func commandAttrs() []Attr {
	return []Attr{
		{Name: "run", Type: Command, Doc: "The program and its arguments; no shell."},
		{Name: "shell", Type: String, Doc: "Or a script for /bin/sh."},
	}
}
