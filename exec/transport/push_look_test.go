package transport_test

import (
	"context"
	"io"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"shipit/exec/remote"
	"shipit/exec/transport"
	"shipit/exec/transport/transporttest"
)

// An edited transport has its hosts run another shell.
type edited struct {
	transport.Transport
	edit func(shell string) string
}

func (e edited) Step(ctx context.Context, d transport.Delivery) (remote.Step, io.Reader, int64, error) {
	s, data, size, err := e.Transport.Step(ctx, d)
	s.Shell = e.edit(s.Shell)
	return s, data, size, err
}

// The deployer knows what a host finds when all is well: nothing is made of
// the manifest then, and openssl is believed. Neither is needed.
func TestAReleaseIsLookedAtTheFastWay(t *testing.T) {
	t.Parallel()
	plain := maps.Clone(one)
	delete(plain, `back\slash "q" '`+"`") // whose digest openssl writes in a way of its own
	for name, edit := range map[string]func(string) string{
		"by one walk":          strings.NewReplacer(`same "$in"`, `false "$in"`, `sums "$in"`, `false "$in"`).Replace,
		"with openssl":         strings.NewReplacer(`alike "$in"`, `false "$in"`, `dirs "$1" "$2" || return 1`, "return 1", "sha256sum -c", "false").Replace,
		"without it":           strings.NewReplacer("command -v openssl", "command -v no-openssl", "sha256sum -c 2>&1", "false").Replace,
		"openssl that is odd":  strings.NewReplacer("openssl dgst", "echo odd").Replace,
		"find without -printf": strings.NewReplacer("-printf", "-no-printf").Replace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("openssl"); err != nil && (name == "with openssl" || name == "by one walk") {
				t.Skip(err)
			}
			h, src := transporttest.NewHost(t), transporttest.NewRepo(map[string]tree{"c1": plain, "c2": {"README": "new\n", "bin/run": "#!/bin/sh\n"}})
			tr := edited{push(t, src), edit}
			mustStage(t, h, tr, "c1", "")
			mustStage(t, h, tr, "c2", "c1")
			h.NothingLeft()
		})
	}
}
