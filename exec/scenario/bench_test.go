package scenario

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// BenchmarkScale plays a deploy of many hosts in slices of a tenth, where one
// of the last slice fails and everything goes back.
func BenchmarkScale(b *testing.B) {
	for _, hosts := range []int{1000, 3000, 10000} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			text := strings.NewReplacer("web[1-4]", fmt.Sprintf("web[1-%d]", hosts), "size = 2", `size = "10%"`).Replace(definition)
			cfg, all := load(b, fstest.MapFS{
				"main.hcl": {Data: []byte(text)},
				"main.test.hcl": {Data: []byte(fmt.Sprintf(`scenario "scale" {
  release = "v1.1.0"
  fleet   = { "*" = "v1.0.0" }
  fail    = { restart = "web%d.example.org" }

  expect {
    outcome  = "rolled back"
    touched  = ["*"]
    most_out = %d
  }
}
`, hosts, hosts/10))},
			})
			for b.Loop() {
				r := Play(cfg, all[0], Options{Exit: exitOf})
				if !r.OK() {
					b.Fatal(r.Failures, r.Diags)
				}
			}
		})
	}
}
