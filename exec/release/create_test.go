package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"shipit/exec/release"
	"shipit/exec/tag"
)

const today = "2015-06-10"

// shared makes a bare repository with one commit, and n clones of it.
func shared(t *testing.T, n int) (bare fixture, clones []fixture) {
	t.Helper()
	seed := newRepo(t)
	seed.commit("first")
	bare = fixture{t, filepath.Join(realTemp(t), "bare.git")}
	seed.git("clone", "-q", "--bare", seed.dir, bare.dir)
	bare.git("remote", "remove", "origin")
	for range n {
		clone := fixture{t, filepath.Join(realTemp(t), "clone")}
		seed.git("clone", "-q", bare.dir, clone.dir)
		clones = append(clones, clone)
	}
	return bare, clones
}

func TestTagIsAnnotatedAndPushed(t *testing.T) {
	t.Parallel()
	bare, clones := shared(t, 1)
	r := clones[0].open()
	got, err := r.Tag(t.Context(), dated, today, release.TagOptions{Message: "ship it\n\nfor a reason\n"})
	if err != nil {
		t.Fatal(err)
	}
	head := clones[0].git("rev-parse", "HEAD")
	if got.Tag.Name != "release/2015-06-10/1" || got.Commit != head || !got.Annotated {
		t.Errorf("got %+v, want an annotated release/2015-06-10/1 of %s", got, head)
	}
	if text := bare.git("cat-file", "tag", "release/2015-06-10/1"); !strings.Contains(text, "\n\nship it\n\nfor a reason\n\nShipit-Id: ") || !strings.Contains(text, "tagger Ada <ada@example.org>") {
		t.Errorf("the remote has the tag:\n%s", text)
	}
}

func TestWhatIsTaggedIsAnyCommitThatGitKnows(t *testing.T) {
	t.Parallel()
	_, clones := shared(t, 1)
	first := clones[0].git("rev-parse", "HEAD")
	second := clones[0].commit("second")
	r := clones[0].open()
	for i, rev := range []string{"HEAD~1", "HEAD", first[:10], second, ""} {
		want := []string{first, second, first, second, second}[i]
		next, err := r.NextTag(t.Context(), dated, today, release.TagOptions{Commit: rev})
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Tag(t.Context(), dated, today, release.TagOptions{Commit: rev})
		if err != nil || got.Commit != want || got.Tag.Name != next {
			t.Errorf("Commit %q: got %s at %s, %v, want %s at %s", rev, got.Tag.Name, got.Commit, err, next, want)
		}
	}
	for _, rev := range []string{"nothere", "--all", "HEAD:"} {
		if got, err := r.Tag(t.Context(), dated, today, release.TagOptions{Commit: rev}); err == nil || !strings.Contains(err.Error(), "has no commit") {
			t.Errorf("Commit %q: got %s, %v", rev, got.Tag.Name, err)
		}
	}
}

func TestTagSeesTheTagsOfOthers(t *testing.T) {
	t.Parallel()
	bare, clones := shared(t, 1)
	bare.git("tag", "release/2015-06-10/7")      // not fetched
	clones[0].git("tag", "release/2015-06-10/8") // not pushed
	got, err := clones[0].open().Tag(t.Context(), dated, today, release.TagOptions{})
	if err != nil || got.Tag.Name != "release/2015-06-10/9" {
		t.Errorf("got %q, %v", got.Tag.Name, err)
	}
}

// What is fetched from may lag behind what is pushed to.
func TestTagSeesTheTagsOfWhereItPushes(t *testing.T) {
	t.Parallel()
	bare, clones := shared(t, 1)
	replica := fixture{t, filepath.Join(realTemp(t), "replica.git")}
	bare.git("clone", "-q", "--bare", bare.dir, replica.dir)
	bare.git("tag", "release/2015-06-10/1")
	clones[0].git("remote", "set-url", "origin", replica.dir)
	clones[0].git("remote", "set-url", "--push", "origin", bare.dir)
	got, err := clones[0].open().Tag(t.Context(), dated, today, release.TagOptions{})
	if err != nil || got.Tag.Name != "release/2015-06-10/2" {
		t.Errorf("got %q, %v", got.Tag.Name, err)
	}
}

func TestCreateTagNeverMovesATag(t *testing.T) {
	t.Parallel()
	bare, clones := shared(t, 1)
	first := clones[0].git("rev-parse", "HEAD")
	bare.git("tag", "v1.0.0")
	second := clones[0].commit("second")
	r := clones[0].open()
	for _, where := range []string{"remote", "local"} {
		err := r.CreateTag(t.Context(), release.TagRequest{Name: "v1.0.0", Commit: second})
		if !errors.Is(err, release.ErrTagTaken) {
			t.Errorf("%s: %v", where, err)
		}
		if got := clones[0].git("tag", "--list"); where == "remote" && got != "" {
			t.Errorf("the loser is left with the tag %q", got)
		}
		if got := bare.git("rev-parse", "v1.0.0"); got != first {
			t.Errorf("the remote's tag moved to %s", got)
		}
		clones[0].git("fetch", "-q", "--tags")
	}
}

// Of two deployers that tag at the same moment, each gets a name of its own,
// and the loser is told: also where they are one person on two machines, whose
// tags of the same second are the same but for their id. Everybody lists the
// tags before anybody pushes.
func TestTagsAtOnceGetDifferentNames(t *testing.T) {
	t.Parallel()
	bare, clones := shared(t, 2)
	private, _ := keys(t, "ada")
	dir := realTemp(t)
	arrived, listing := filepath.Join(dir, "arrived"), filepath.Join(dir, "upload-pack")
	script := fmt.Sprintf("#!/bin/sh\ngit-upload-pack \"$@\"\necho >>%[1]s\ni=0\nwhile [ $i -lt 500 ] && [ \"$(wc -l <%[1]s)\" -lt %[2]d ]; do sleep 0.02; i=$((i + 1)); done\n", arrived, len(clones))
	if err := os.WriteFile(listing, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, clone := range clones {
		clone.git("config", "remote.origin.uploadpack", listing)
		clone.git("config", "gpg.format", "ssh")
		clone.git("config", "user.signingKey", private["ada"])
	}
	for round := range 6 {
		if err := os.WriteFile(arrived, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		signed := round%2 == 1
		var got [2]release.Release
		var taken [2][]string
		var wg sync.WaitGroup
		for i, clone := range clones {
			r := clone.open()
			wg.Go(func() {
				var err error
				got[i], err = r.Tag(t.Context(), dated, today, release.TagOptions{
					Message: "ship it", Sign: &signed,
					Taken: func(name string) { taken[i] = append(taken[i], name) },
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		winner := 0
		if len(taken[0]) > 0 {
			winner = 1
		}
		first, second := fmt.Sprintf("release/2015-06-10/%d", 2*round+1), fmt.Sprintf("release/2015-06-10/%d", 2*round+2)
		if got[winner].Tag.Name != first || got[1-winner].Tag.Name != second {
			t.Fatalf("round %d: the names are %s and %s, want %s and %s", round, got[0].Tag.Name, got[1].Tag.Name, first, second)
		}
		if taken[winner] != nil || !slices.Equal(taken[1-winner], []string{first}) {
			t.Errorf("round %d: told of %v, want only the loser of %s", round, taken, first)
		}
		for i, clone := range clones {
			if there := bare.git("rev-parse", got[i].Tag.Name); there != got[i].Object || clone.git("rev-parse", got[i].Tag.Name) != there {
				t.Errorf("round %d: %s is not the tag that was pushed", round, got[i].Tag.Name)
			}
		}
		if text := bare.git("cat-file", "tag", second); strings.Contains(text, "BEGIN SSH SIGNATURE") != signed {
			t.Errorf("round %d: signed is %v of\n%s", round, signed, text)
		}
	}
}

// A push whose answer was lost, or a fetch that was quicker than we with our
// own tag, is no lost race.
func TestATagThatIsOursIsNotTaken(t *testing.T) {
	t.Parallel()
	_, clones := shared(t, 1)
	lost := filepath.Join(realTemp(t), "receive-pack")
	script := "#!/bin/sh\ngit-receive-pack \"$@\"\nenv -u GIT_DIR git -C " + clones[0].dir + " -c remote.origin.uploadpack=git-upload-pack fetch -q --tags origin\nexit 1\n"
	if err := os.WriteFile(lost, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	clones[0].git("config", "remote.origin.receivepack", lost)
	got, err := clones[0].open().Tag(t.Context(), dated, today, release.TagOptions{Taken: func(name string) { t.Error(name, "is ours") }})
	if err != nil || got.Tag.Name != "release/2015-06-10/1" {
		t.Errorf("got %q, %v", got.Tag.Name, err)
	}
}

func TestTagInABareRepositoryStaysThere(t *testing.T) {
	t.Parallel()
	bare, _ := shared(t, 0)
	r := bare.open()
	for _, want := range []string{"release/2015-06-10/1", "release/2015-06-10/2"} {
		got, err := r.Tag(t.Context(), dated, today, release.TagOptions{})
		if err != nil || got.Tag.Name != want {
			t.Errorf("got %q, %v, want %q", got.Tag.Name, err, want)
		}
	}
	got, err := r.Tag(t.Context(), dated, "2015-06-12", release.TagOptions{NextOptions: tag.NextOptions{Hotfix: true}})
	if err != nil || got.Tag.Name != "release/2015-06-10/3" {
		t.Errorf("the hotfix: got %q, %v", got.Tag.Name, err)
	}
}

func TestTagThroughAMirror(t *testing.T) {
	t.Parallel()
	bare, _ := shared(t, 0)
	cache := realTemp(t)
	url := "file://" + bare.dir
	got, err := open(t, url, cache).Tag(t.Context(), dated, today, release.TagOptions{})
	if err != nil || got.Tag.Name != "release/2015-06-10/1" {
		t.Fatalf("got %q, %v", got.Tag.Name, err)
	}
	if text := bare.git("tag", "--list"); text != "release/2015-06-10/1" {
		t.Errorf("the remote has %q", text)
	}
	if got, err := open(t, url, cache).Resolve(t.Context(), dated, ""); err != nil || got.Moved != "" {
		t.Errorf("then: %+v, %v", got, err)
	}
}

func TestCreateTagRefusals(t *testing.T) {
	t.Parallel()
	bare, clones := shared(t, 1)
	clone := clones[0]
	protect := "#!/bin/sh\ncase $1 in refs/tags/v*) echo 'v* are protected tags' >&2; exit 1 ;; esac\n"
	if err := os.WriteFile(filepath.Join(bare.dir, "hooks", "update"), []byte(protect), 0o755); err != nil {
		t.Fatal(err)
	}
	head := clone.git("rev-parse", "HEAD")
	clone.git("remote", "add", "second", "/nonexistent")
	clone.git("remote", "rename", "origin", "first")
	for _, tt := range []struct {
		request release.TagRequest
		want    string
	}{
		{release.TagRequest{Name: "-d", Commit: head}, "git takes no tag"},
		{release.TagRequest{Name: "a..b", Commit: head}, "git takes no tag"},
		{release.TagRequest{Name: "a\nb", Commit: head}, "git takes no tag"},
		{release.TagRequest{Name: "a", Commit: "HEAD"}, "is not the id of a commit"},
		{release.TagRequest{Name: "a", Commit: strings.Repeat("1", 40), Remote: "first"}, "is not in"},
		{release.TagRequest{Name: "a", Commit: head}, "has the remotes first, second"},
		{release.TagRequest{Name: "a", Commit: head, Remote: "--mirror"}, "cannot be named"},
		{release.TagRequest{Name: "a", Commit: head, Remote: "second"}, "git push:"},
		{release.TagRequest{Name: "v1", Commit: head, Remote: "first"}, "v* are protected tags"},
	} {
		err := clone.open().CreateTag(t.Context(), tt.request)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.request, err, tt.want)
		}
	}
	if got := clone.git("tag", "--list") + bare.git("tag", "--list"); got != "" {
		t.Errorf("a refused tag is there: %s", got)
	}
}

func TestMirrorFollowsAndFindsMovedTags(t *testing.T) {
	t.Parallel()
	f := newRepo(t)
	first := f.commit("first")
	for _, name := range []string{"release/2015-06-10/1", "release/2015-06-10/2", "release/2015-06-10/3"} {
		f.git("tag", "-m", name, name)
	}
	f.git("tag", "beta/1")
	cache := filepath.Join(realTemp(t), "cache")
	url := "file://" + f.dir
	r := open(t, url, cache)
	if got, err := r.Resolve(t.Context(), dated, ""); err != nil || got.Commit != first {
		t.Fatalf("got %+v, %v", got, err)
	}
	if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache has the mode %v, %v", info.Mode(), err)
	}

	second := f.commit("second")
	f.git("tag", "-f", "-m", "the same commit again", "release/2015-06-10/1", first)
	f.git("tag", "-f", "-m", "moved", "release/2015-06-10/2", second)
	f.git("tag", "-d", "release/2015-06-10/3")
	f.git("tag", "-d", "beta/1")
	f.git("tag", "beta") // git has no place for this and beta/1 at once
	r = open(t, url, cache)
	if _, err := r.Resolve(t.Context(), dated, "release/2015-06-10/1"); err != nil {
		t.Errorf("a tag that was made anew for its commit: %v", err)
	}
	_, err := r.Resolve(t.Context(), dated, "release/2015-06-10/2")
	moved, ok := errors.AsType[*release.MovedTagError](err)
	if !ok || moved.Was != first || moved.Now != second {
		t.Errorf("a tag that moved: %v", err)
	}
	if _, err := r.Resolve(t.Context(), dated, ""); !errors.As(err, &moved) {
		t.Errorf("the newest, which moved: %v", err)
	}
	if _, err := r.Resolve(t.Context(), dated, "release/2015-06-10/3"); err == nil {
		t.Error("a deleted tag is still there")
	}
	got, err := r.Tag(t.Context(), dated, today, release.TagOptions{})
	if err != nil || got.Tag.Name != "release/2015-06-10/4" {
		t.Errorf("the name of a deleted tag came back: %q, %v", got.Tag.Name, err)
	}
}
