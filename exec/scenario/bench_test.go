package scenario

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// BenchmarkScale plays a deploy of many hosts in slices of a tenth: one that
// goes well, and one where a host of the last slice fails and everything goes
// back.
func BenchmarkScale(b *testing.B) {
	for _, hosts := range []int{1000, 10000} {
		text := strings.NewReplacer("web[1-4]", fmt.Sprintf("web[1-%d]", hosts), "size = 2", `size = "10%"`).Replace(definition)
		for _, play := range []struct{ name, fail, outcome string }{
			{"done", "", "done"},
			{"back", fmt.Sprintf(`fail = { restart = "web%d.example.org" }`, hosts), "rolled back"},
		} {
			b.Run(fmt.Sprintf("%d/%s", hosts, play.name), func(b *testing.B) {
				cfg, all := load(b, fstest.MapFS{
					"main.hcl": {Data: []byte(text)},
					"main.test.hcl": {Data: fmt.Appendf(nil, `scenario "scale" {
  release = "v1.1.0"
  fleet   = { "*" = "v1.0.0" }
  %s

  expect {
    outcome  = %q
    touched  = ["*"]
    most_out = %d
  }
}
`, play.fail, play.outcome, hosts/10)},
				})
				b.ReportAllocs()
				for b.Loop() {
					r := Play(cfg, all[0], Options{Exit: exitOf})
					if !r.OK() {
						b.Fatal(r.Failures, r.Diags)
					}
				}
			})
		}
	}
}
