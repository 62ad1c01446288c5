package lang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipit/lang"
)

// examples are the definitions that the project shows to its users, without
// the files that they include.
func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../examples/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var definitions []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nservice ") {
			definitions = append(definitions, file)
		}
	}
	return definitions
}

func TestExamplesValidateClean(t *testing.T) {
	t.Parallel()
	for _, file := range examples(t) {
		c, diags := lang.Load(os.DirFS("../examples"), filepath.Base(file), lang.Options{Version: "dev"})
		diags = append(diags, c.Validate(nil)...)
		for _, d := range diags {
			t.Errorf("%s: %s %s: %s %s", d.Subject, d.Code, d.Summary, d.Detail, d.Help)
		}
	}
}

func TestExampleEvaluatesInEveryEnvironment(t *testing.T) {
	t.Parallel()
	c, _ := lang.Load(os.DirFS("../examples"), "restbase.hcl", lang.Options{})
	vars := []lang.Assignment{{Name: "cassandra_password", Value: "hunter22", From: "SHIPIT_VAR_cassandra_password", Lenient: true}}
	for env, hosts := range map[string]int{"beta": 2, "production": 15} {
		d, diags := c.Evaluate(lang.Inputs{Env: env, Vars: vars})
		if diags.HasErrors() {
			t.Fatalf("%s: %v", env, diags)
		}
		if len(d.Targets) != hosts {
			t.Errorf("%s: %d targets, want %d", env, len(d.Targets), hosts)
		}
		for _, target := range d.Targets {
			if f := target.Files[0]; !f.Sensitive || f.Content == "" {
				t.Errorf("%s: %s has no sensitive content", env, target.Host.Name)
			}
		}
	}
}
