package plan

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shipit/lang"
)

// drawn is a random definition, fleet and request for a deploy.
func drawn(t *rapid.T) Inputs {
	n := rapid.IntRange(1, 8).Draw(t, "hosts")
	want := rapid.SampledFrom([]Release{r1, r2, r3}).Draw(t, "want")
	def := definition(n, want)
	var facts Facts
	paths := []string{"/etc/web.conf", "/etc/web.d/a", "conf/b"}
	contents := []string{"", "a\n", "b\nc\n", "workers: 8\n"}
	files := rapid.IntRange(0, len(paths)).Draw(t, "files")
	for i := range def.Targets {
		target := &def.Targets[i]
		target.Files = nil
		for _, path := range paths[:files] {
			target.Files = append(target.Files, lang.File{
				Path: path, Content: rapid.SampledFrom(contents).Draw(t, "content"),
				Owner: rapid.SampledFrom([]string{"", "root", "deploy"}).Draw(t, "owner"), Mode: "0640",
				Group: rapid.SampledFrom([]string{"", "web"}).Draw(t, "group"), Restart: rapid.Bool().Draw(t, "restarts"),
			})
		}
		if rapid.IntRange(0, 4).Draw(t, "no drain") == 0 {
			target.Drain = nil
		}
		facts.Hosts = append(facts.Hosts, drawnHost(t, target))
	}
	def.Service.Release.Keep = rapid.IntRange(2, 5).Draw(t, "keep")
	def.Service.Rollback.To = rapid.SampledFrom([]string{"last_good", "previous"}).Draw(t, "to")
	def.Service.Batches = drawnBatches(t, def.Targets)
	in := deploy(def, facts, want)
	in.Options.BatchSize = rapid.SampledFrom([]string{"", "", "1", "3", "50%"}).Draw(t, "batch size")
	return in
}

func drawnHost(t *rapid.T, target *lang.Target) HostFacts {
	all := []Release{r1, r2, r3}
	f := host(target.Host.Name, all[:rapid.IntRange(0, 3).Draw(t, "ran")]...)
	if rapid.IntRange(0, 9).Draw(t, "unreachable") == 0 {
		f.Unreachable = "connection refused"
	}
	f.Files = map[string]FileFact{}
	for _, file := range target.Files {
		switch rapid.IntRange(0, 2).Draw(t, "file") {
		case 0:
			f.Files[file.Path] = FileFact{}
		case 1:
			f.Files[file.Path] = text("old\n")
		case 2:
			f.Files[file.Path] = written(file, f)
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "records") {
		if len(f.Releases) == 0 {
			break
		}
		r := rapid.SampledFrom(f.Releases).Draw(t, "of")
		f.History = append(f.History, Record{
			Time: int64(9000 + i), Run: fmt.Sprintf("x%d", i), Release: r,
			State: rapid.SampledFrom([]string{"staged", "live", "good", "bad", "undone"}).Draw(t, "state"),
		})
	}
	if len(f.Releases) > 0 {
		f.Live = rapid.SampledFrom(f.Releases).Draw(t, "live")
	}
	return f
}

func drawnBatches(t *rapid.T, targets []lang.Target) []lang.Batch {
	var batches []lang.Batch
	if rapid.Bool().Draw(t, "canary") {
		b := lang.Batch{Name: "canary"}
		for _, target := range targets {
			if rapid.Bool().Draw(t, "in canary") {
				b.Hosts = append(b.Hosts, target.Host.Name)
			}
		}
		batches = append(batches, b)
	}
	size := rapid.SampledFrom([]lang.Size{{N: 1}, {N: 3}, {N: 25, Percent: true}, {N: 100, Percent: true}}).Draw(t, "size")
	return append(batches, lang.Batch{Name: "fleet", Size: size, By: rapid.SampledFrom([]string{"", "dc"}).Draw(t, "by")})
}

// written is a file as a run leaves it.
func written(file lang.File, f HostFacts) FileFact {
	w := FileFact{Exists: true, SHA256: sum(file.Content), Content: file.Content, Mode: file.Mode, Owner: file.Owner, Group: file.Group}
	if w.Owner == "" {
		w.Owner = f.Login
	}
	if w.Group == "" {
		w.Group = w.Owner
	}
	return w
}

// play does to facts what a phase of a plan does to a host, without any of
// the code that made the plan.
func play(t *rapid.T, f HostFacts, before HostFacts, steps []Step, contents map[string]string) HostFacts {
	f.Files = maps.Clone(f.Files)
	f.Releases, f.History = slices.Clone(f.Releases), slices.Clone(f.History)
	for _, s := range steps {
		switch s.Op {
		case OpStage:
			f.Releases = append(f.Releases, s.Release)
		case OpActivate:
			if !slices.Contains(f.Releases, s.Release) {
				t.Fatalf("%s activates %s, which is not there", f.Name, s.Release)
			}
			f.Live = s.Release
			f.History = append(f.History, Record{Run: "now", State: "live", Release: s.Release})
		case OpFile:
			content, ok := contents[s.File.SHA256]
			if !ok {
				t.Fatalf("the plan has no content for %s", s.File.Path)
			}
			f.Files[s.File.Path] = written(lang.File{Content: content, Mode: s.File.Mode, Owner: s.File.Owner, Group: s.File.Group}, f)
		case OpRestore:
			from := before.Files
			if s.SavedBy != "" {
				from = before.Saved[s.SavedBy]
			}
			f.Files[s.File.Path] = from[s.File.Path]
		case OpPrune:
			f.Releases = slices.DeleteFunc(f.Releases, func(id string) bool { return slices.Contains(s.Remove, id) })
			f.Saved = maps.Clone(f.Saved)
			for _, r := range s.Remove {
				if run, ok := bytes.CutPrefix([]byte(r), []byte("run:")); ok {
					delete(f.Saved, string(run))
				}
			}
		}
	}
	return f
}

// Invariant 7: observe after a successful apply gives an empty plan.
func TestPlanIsEmptyAfterItWasApplied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		p := Make(in)
		for i, f := range in.Facts.Hosts {
			h := p.Host(f.Name)
			if !h.changes() {
				continue
			}
			f = play(t, f, f, slices.Concat(h.Stage, h.Switch), p.Body.Contents)
			f.History = append(f.History, Record{Run: "now", State: "good", Release: h.To.ID})
			in.Facts.Hosts[i] = play(t, f, f, h.Prune, nil)
		}
		again := Make(in)
		if again.Changes() {
			t.Fatalf("a second plan changes something:\n%s", describe(again))
		}
	})
}

// Invariant 8: equal inputs give equal bytes.
func TestEqualInputsGiveEqualBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		data, err := Encode(Make(in))
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.Facts.Hosts { // rebuilt maps iterate in another order
			f := &in.Facts.Hosts[i]
			f.Files, f.Saved = rebuilt(f.Files), rebuilt(f.Saved)
		}
		again, err := Encode(Make(in))
		if err != nil || !bytes.Equal(data, again) {
			t.Fatal("the same inputs give another plan")
		}
		read, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if third, _ := Encode(read); !bytes.Equal(data, third) {
			t.Fatal("reading changes the plan")
		}
	})
}

func rebuilt[V any](m map[string]V) map[string]V {
	keys := slices.Sorted(maps.Keys(m))
	rand.New(rand.NewSource(int64(len(keys)))).Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	out := make(map[string]V, len(m)*4)
	for _, k := range keys {
		out[k] = m[k]
	}
	return out
}

func TestSlicesHoldEveryChangedHostOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		p := Make(in)
		declared := map[string]lang.Batch{}
		for _, b := range in.Definition.Service.Batches {
			declared[b.Name] = b
		}
		seen := map[string]bool{}
		for _, b := range p.Body.Batches {
			d := declared[b.Name]
			most := len(d.Hosts)
			if d.Size.N > 0 {
				most = max(d.Size.Of(len(p.Body.Hosts)), 1)
			}
			if in.Options.BatchSize != "" {
				s, _ := lang.ParseSize(in.Options.BatchSize)
				most = max(s.Of(len(p.Body.Hosts)), 1)
			}
			for _, slice := range b.Slices {
				if len(slice) == 0 || len(slice) > most {
					t.Fatalf("a slice of %d in %s, at most %d", len(slice), b.Name, most)
				}
				for _, name := range slice {
					h := p.Host(name)
					if seen[name] || !h.changes() {
						t.Fatalf("%s is in two slices, or unchanged and in one", name)
					}
					seen[name] = true
					if d.By != "" && h.Labels[d.By] != p.Host(slice[0]).Labels[d.By] {
						t.Fatalf("slice %v mixes two values of %s", slice, d.By)
					}
				}
			}
			if len(b.Slices) == 0 {
				t.Fatalf("batch %s is empty", b.Name)
			}
		}
		for _, h := range p.Body.Hosts {
			if h.changes() != seen[h.Name] {
				t.Fatalf("%s %s is in no slice", h.Action, h.Name)
			}
			if all := slices.Concat(h.Stage, h.Switch, h.After, h.Undo, h.Prune); !h.changes() && len(all) > 0 {
				t.Fatalf("%s %s has steps: %s", h.Action, h.Name, ids(all))
			}
		}
	})
}

func TestUndoRestoresWhatTheSwitchChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		p := Make(in)
		for _, f := range in.Facts.Hosts {
			h := p.Host(f.Name)
			if !h.changes() || h.Back.ID == "" {
				continue
			}
			// Whatever part of the switch was done: the undo leads to one state.
			done := rapid.IntRange(0, len(h.Switch)).Draw(t, "done")
			is := play(t, f, f, slices.Concat(h.Stage, h.Switch[:done]), p.Body.Contents)
			is = play(t, is, f, h.Undo, nil)
			if is.Live != h.Back.ID {
				t.Fatalf("%s runs %s after the undo, want %s", f.Name, is.Live, h.Back.ID)
			}
			for path, was := range f.Files {
				if h.Back.ID == f.Live && is.Files[path] != was && !same(is.Files[path], was) {
					t.Fatalf("%s is not back on %s: %+v, was %+v", path, f.Name, is.Files[path], was)
				}
			}
			drains := func(steps []Step) (n int) {
				for _, s := range steps {
					switch s.Op {
					case OpDrain:
						n++
					case OpUndrain:
						n--
					}
				}
				return n
			}
			if drains(h.Undo) != 0 || drains(h.Switch) != 0 {
				t.Fatalf("drained and not undrained: %s / %s", ids(h.Switch), ids(h.Undo))
			}
		}
	})
}

func TestPruneNeverRemovesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t)
		p := Make(in)
		for _, f := range in.Facts.Hosts {
			h := p.Host(f.Name)
			is := play(t, f, f, slices.Concat(h.Stage, h.Prune), nil)
			for _, id := range []string{h.To.ID, h.From.ID, h.Back.ID} {
				if id != "" && slices.Contains(slices.Concat(f.Releases, []string{h.To.ID}), id) && h.changes() && !slices.Contains(is.Releases, id) {
					t.Fatalf("%s lost %s: %v", f.Name, id, h.Prune)
				}
			}
			good, ok := f.LastGood(h.To.ID)
			if ok && !slices.Contains(is.Releases, good.Release) {
				t.Fatalf("%s lost its last good release %s", f.Name, good.Release)
			}
			if _, kept := is.Saved[good.Run]; ok && !kept && f.Saved[good.Run] != nil {
				t.Fatalf("%s lost the files of run %s, which left %s good", f.Name, good.Run, good.Release)
			}
		}
	})
}
