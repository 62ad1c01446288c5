package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A commit of the service that the lab deploys.
type commit struct {
	date    string // a day and, unless it is the first of the day, a time
	message string
	files   map[string]string // what it changes
	tag     string            // of the release that it is, "" if it is none
	release string            // the tag's message
}

// history is the service's repository, oldest first. The commits and tags
// are the same in every lab, down to their ids.
var history = []commit{
	{
		date: "2015-06-10 09:00", message: "hello: say hello",
		files: map[string]string{
			"README":   "hello, a service to try shipit with.\n\nVERSION is the release; app.conf is what this release does.\n",
			"app.conf": "greeting = Hello!\nhealth = ok\n",
		},
		tag: "release/2015-06-10/1", release: "the first release",
	},
	{date: "2015-06-10 15:30", message: "hello: write down who owns it", files: map[string]string{"OWNERS": "you\n"}},
	{
		date: "2015-06-11 09:00", message: "hello: greet the whole world",
		files: map[string]string{"app.conf": "greeting = Helo, world!\nhealth = ok\n"},
		tag:   "release/2015-06-11/1", release: "a wider greeting",
	},
	{
		date: "2015-06-11 10:15", message: "hello: spell the greeting right",
		files: map[string]string{"app.conf": "greeting = Hello, world!\nhealth = ok\n"},
		tag:   "release/2015-06-11/2", release: "hotfix: the greeting was misspelled",
	},
	{
		date: "2015-06-12 09:00", message: "hello: wish a good day",
		files: map[string]string{"app.conf": "greeting = Hello, world, and a good day!\nhealth = ok\n"},
		tag:   "release/2015-06-12/1", release: "friendlier",
	},
	{
		date: "2015-06-15 09:00", message: "hello: rewrite the health check\n\nBroken on purpose: /healthz answers 500.",
		files: map[string]string{"app.conf": "greeting = Hello, Monday!\nhealth = fail\n"},
		tag:   "release/2015-06-15/1", release: "broken: /healthz answers 500",
	},
	{
		date: "2015-06-15 09:40", message: "hello: the old health check again",
		files: map[string]string{"app.conf": "greeting = Hello, Monday!\nhealth = ok\n"},
		tag:   "release/2015-06-15/2", release: "hotfix: /healthz answers 200",
	},
}

// author wrote it all.
const author = "Lab <lab@example.org>"

// makeRepositories makes the repository of the service, with its releases,
// and puts the definition into one too: definitions are kept in git, and the
// lab's must not be taken for a part of a repository around it.
func (l *Lab) makeRepositories(ctx context.Context, log func(string, ...any)) error {
	if _, err := os.Stat(l.Repo); errors.Is(err, fs.ErrNotExist) {
		log("making %s, a git repository with releases", filepath.Base(l.Repo))
		// Under another name until it is whole.
		part := l.Repo + ".new"
		if err := os.RemoveAll(part); err != nil {
			return fmt.Errorf("cannot make the repository: %w", err)
		}
		err := errors.Join(
			git(ctx, "", "", "init", "--quiet", "--bare", "--template=", part),
			git(ctx, part, "", "symbolic-ref", "HEAD", "refs/heads/main"),
			git(ctx, part, stream(history), "fast-import", "--quiet"),
		)
		if err != nil {
			return err
		}
		if err := os.Rename(part, l.Repo); err != nil {
			return fmt.Errorf("cannot make the repository: %w", err)
		}
	}
	if _, err := os.Stat(filepath.Join(l.Dir, ".git")); errors.Is(err, fs.ErrNotExist) {
		return errors.Join(
			git(ctx, l.Dir, "", "init", "--quiet", "--template=", "."),
			git(ctx, l.Dir, "", "symbolic-ref", "HEAD", "refs/heads/main"),
			git(ctx, l.Dir, "", "add", "--all", "."),
			git(ctx, l.Dir, "", "commit", "--quiet", "--message", "hello: the lab's definition"),
		)
	}
	return nil
}

// git runs git in dir without heeding anybody's configuration.
func git(ctx context.Context, dir, input string, args ...string) error {
	cmd := osexec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Lab", "GIT_AUTHOR_EMAIL=lab@example.org", "GIT_AUTHOR_DATE=2015-06-10T08:00:00Z",
		"GIT_COMMITTER_NAME=Lab", "GIT_COMMITTER_EMAIL=lab@example.org", "GIT_COMMITTER_DATE=2015-06-10T08:00:00Z",
	}
	said, err := cmd.CombinedOutput()
	if errors.Is(err, osexec.ErrNotFound) {
		return errors.New("cannot find git, which makes the lab's repository; install it")
	}
	if err != nil {
		return fmt.Errorf("cannot make the repository: git %s: %w: %s", args[0], err, strings.TrimSpace(string(said)))
	}
	return nil
}

// stream is a history as git fast-import reads it.
func stream(history []commit) string {
	var b strings.Builder
	data := func(s string) { fmt.Fprintf(&b, "data %d\n%s\n", len(s), s) }
	for i, c := range history {
		when, err := time.Parse("2006-01-02 15:04", c.date)
		if err != nil {
			panic("internal error: a date of the lab's history: " + err.Error())
		}
		fmt.Fprintf(&b, "commit refs/heads/main\nmark :%d\ncommitter %s %d +0000\n", i+1, author, when.Unix())
		data(c.message + "\n")
		for _, name := range []string{"OWNERS", "README", "app.conf"} {
			if content, ok := c.files[name]; ok {
				fmt.Fprintf(&b, "M 100644 inline %s\n", name)
				data(content)
			}
		}
		if c.tag == "" {
			continue
		}
		b.WriteString("M 100644 inline VERSION\n")
		data(c.tag + "\n")
		fmt.Fprintf(&b, "tag %s\nfrom :%d\ntagger %s %d +0000\n", c.tag, i+1, author, when.Unix()+60)
		data(c.release + "\n")
	}
	return b.String()
}
