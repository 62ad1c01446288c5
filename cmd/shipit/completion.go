package main

import (
	_ "embed"
	"io"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: ${enum}."`
}

func (c *completionCmd) Help() string {
	return examples(
		"source <(shipit completion bash)                                   # in ~/.bashrc",
		"source <(shipit completion zsh)                                    # in ~/.zshrc, after compinit",
		"shipit completion fish > ~/.config/fish/completions/shipit.fish")
}

// The scripts ask `shipit __complete -- WORDS…` and know nothing themselves,
// so that they need not change when shipit does.
var (
	//go:embed completion/shipit.bash
	bashCompletion string
	//go:embed completion/shipit.zsh
	zshCompletion string
	//go:embed completion/shipit.fish
	fishCompletion string
)

func (c *completionCmd) Run(w *world) error {
	scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	_, err := io.WriteString(w.stdout, scripts[c.Shell])
	return err
}
