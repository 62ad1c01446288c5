package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"shipit/lang/diag"
)

func texts(pairs ...string) map[string][]byte {
	m := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = []byte(pairs[i+1])
	}
	return m
}

// tree is what lies below dir: files with mode and text, links with target.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if link, err := os.Readlink(path); err == nil {
			found[name] = "-> " + link
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		found[name] = info.Mode().String() + " " + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestReplaceBelow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after map[string][]byte
		changed       map[string]string // besides the tree as it was
		err           string
	}{
		"all files, with their modes": {
			texts("a", "1", "sub/b", "2"), texts("a", "one", "sub/b", "two"),
			map[string]string{"a": "-rw-r----- one", "sub/b": "-rwxr-xr-x two"},
			"",
		},
		"a link is followed":           {texts("link", "2"), texts("link", "two"), map[string]string{"sub/b": "-rwxr-xr-x two"}, ""},
		"one that changed stops all":   {texts("a", "1", "sub/b", "old"), texts("a", "one", "sub/b", "two"), nil, "it has changed since it was read"},
		"a link that leads out":        {texts("out", "secret"), texts("out", "x"), nil, "a link out of the repository"},
		"an absolute link":             {texts("abs", "secret"), texts("abs", "x"), nil, "a link out of the repository"},
		"a circle of links":            {texts("round", ""), texts("round", "x"), nil, "too many links"},
		"a path that leads out":        {texts("../secret", "secret"), texts("../secret", "x"), nil, "cannot fix ../secret"},
		"a directory that leads out":   {texts("outdir/secret", "secret"), texts("outdir/secret", "x"), nil, "cannot fix outdir/secret"},
		"a file that is there no more": {texts("gone", "1"), texts("gone", "x"), nil, "cannot fix gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir := filepath.Join(top, "repo")
			check := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			check(os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
			check(os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o644))
			check(os.WriteFile(filepath.Join(dir, "a"), []byte("1"), 0o640))
			check(os.WriteFile(filepath.Join(dir, "sub/b"), []byte("2"), 0o755))
			check(os.Chmod(filepath.Join(dir, "a"), 0o640))
			check(os.Chmod(filepath.Join(dir, "sub/b"), 0o755))
			for link, target := range map[string]string{"link": "sub/b", "out": "../secret", "outdir": "..", "round": "round", "abs": filepath.Join(top, "secret")} {
				check(os.Symlink(target, filepath.Join(dir, link)))
			}
			want := tree(t, top)
			root, err := os.OpenRoot(dir)
			check(err)
			defer root.Close()
			err = replaceBelow(root, tt.before, tt.after)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got the error %v, want %q", err, tt.err)
			}
			for name, text := range tt.changed {
				want["repo/"+name] = text
			}
			if got := tree(t, top); !maps.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// TestValidateOffersEveryFormat compares the words of the flag with the table.
func TestValidateOffersEveryFormat(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[validateCmd]().FieldByName("Format")
	want := []string{"human"}
	for _, f := range diag.Formats() {
		want = append(want, f.Name)
	}
	if got := strings.Split(field.Tag.Get("enum"), ","); !slices.Equal(got, want) {
		t.Errorf("the flag offers %v, want %v", got, want)
	}
}
