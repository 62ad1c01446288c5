package schema

import (
	"slices"
	"testing"
)

func TestFormsRefuseWhatAProgramCouldMisread(t *testing.T) {
	t.Parallel()
	forms := []Form{Plain, Name, Ident, HostName, UserName, UnitName, ServiceName, SignalName, PathName, BelowPath, URL, TagScheme, Jump}
	for _, f := range forms {
		for _, text := range []string{"", "-x", "--option=x", "a\x00b", "a\nb", "a\x1b[0m", "a\u0085"} {
			if f.Check(text) == "" {
				t.Errorf("%s accepts %q", f, text)
			}
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for f, texts := range map[Form][]string{
		HostName:  {"web1.example.org", "10.0.0.1", "fe80::1", "::1", "deployment-restbase01"},
		UserName:  {"deploy", "_www", "a.b-c", "machine$"},
		UnitName:  {"demo.service", "demo@1.service", `dev-disk-by\x2duuid.device`},
		PathName:  {"/srv/demo", "srv/demo", "/srv/..a"},
		Jump:      {"bast1", "root@bast1:22", "[fe80::1]:22"},
		URL:       {"http://localhost/", "https://[::1]:80/x"},
		TagScheme: {"release/{date}/{n}", "v{semver}"},
		AnyText:   {"", "-x\n"},
	} {
		for _, text := range texts {
			if want := f.Check(text); want != "" {
				t.Errorf("%s refuses %q: it must be %s", f, text, want)
			}
		}
	}
	for _, path := range []string{"../x", "/a/../b", "~/x", "/"} {
		if PathName.Check(path) == "" {
			t.Errorf("a path can be %q", path)
		}
	}
}

func TestEveryNameIsUniqueInItsBlock(t *testing.T) {
	t.Parallel()
	var walk func(b *Block)
	walk = func(b *Block) {
		kinds := b.Kinds
		if len(kinds) == 0 {
			kinds = []Kind{{}}
		}
		for _, k := range kinds {
			var names []string
			for _, a := range append(slices.Clone(b.Attrs), k.Attrs...) {
				if slices.Contains(names, a.Name) || b.Child(a.Name) != nil || slices.Contains(Reserved(), a.Name) {
					t.Errorf("%s %s: the name %q is taken", b.Name, k.Name, a.Name)
				}
				if a.Required && a.Default != "" {
					t.Errorf("%s.%s is required and has a default", b.Name, a.Name)
				}
				names = append(names, a.Name)
			}
			for _, group := range append(slices.Clone(b.ExactlyOne), k.ExactlyOne...) {
				for _, name := range group {
					if !slices.Contains(names, name) {
						t.Errorf("%s %s: there is no %q", b.Name, k.Name, name)
					}
				}
			}
		}
		for _, c := range b.Blocks {
			walk(c)
		}
	}
	walk(File())
}
