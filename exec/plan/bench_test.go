package plan

import (
	"strings"
	"testing"
)

// BenchmarkMake1000 plans a fleet of which every host changes, file and all.
func BenchmarkMake1000(b *testing.B) {
	def, facts := definition(1000, r2), fleet(1000, r1)
	config := strings.Repeat("a line of a config file\n", 200)
	for i := range def.Targets {
		def.Targets[i].Files[0].Content = config + "workers: 16\n"
		facts.Hosts[i].Files["/etc/web.conf"] = text(config + "workers: 8\n")
	}
	in := deploy(def, facts, r2)
	b.ReportAllocs()
	for b.Loop() {
		Make(in)
	}
}

// BenchmarkDecode1000 reads the plan of such a fleet.
func BenchmarkDecode1000(b *testing.B) {
	data := encode(b, Make(deploy(definition(1000, r2), fleet(1000, r1), r2)))
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
