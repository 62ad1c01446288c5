package main

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var objectID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// commitOf finds the commit of a tag in a repository on this machine by
// looking at its files, because the console starts no process; "" where that
// is not enough.
func commitOf(repo, tag string) string {
	if dir := filepath.Join(repo, ".git"); isDir(dir) {
		repo = dir
	}
	if strings.Contains(tag, "..") || strings.HasPrefix(tag, "/") {
		return "" // no name of a tag
	}
	if text, err := os.ReadFile(filepath.Join(repo, "refs", "tags", filepath.FromSlash(tag))); err == nil {
		return peel(repo, strings.TrimSpace(string(text)))
	}
	f, err := os.Open(filepath.Join(repo, "packed-refs"))
	if err != nil {
		return ""
	}
	defer f.Close()
	found := ""
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if found != "" {
			if peeled, ok := strings.CutPrefix(line, "^"); ok && objectID.MatchString(peeled) {
				return peeled
			}
			return peel(repo, found)
		}
		if id, ok := strings.CutSuffix(line, " refs/tags/"+tag); ok && objectID.MatchString(id) {
			found = id
		}
	}
	if found == "" {
		return ""
	}
	return peel(repo, found)
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// peel follows an annotated tag to its commit, where the object is a file of
// its own.
func peel(repo, id string) string {
	if !objectID.MatchString(id) {
		return ""
	}
	f, err := os.Open(filepath.Join(repo, "objects", id[:2], id[2:]))
	if err != nil {
		return ""
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return ""
	}
	head, err := io.ReadAll(io.LimitReader(z, 4096))
	if err != nil {
		return ""
	}
	header, body, _ := bytes.Cut(head, []byte("\x00"))
	switch {
	case bytes.HasPrefix(header, []byte("commit ")):
		return id
	case bytes.HasPrefix(header, []byte("tag ")):
		line, _, _ := strings.Cut(string(body), "\n")
		kind, rest, _ := strings.Cut(string(body)[len(line):], "type ")
		if target, ok := strings.CutPrefix(line, "object "); ok && kind == "\n" && strings.HasPrefix(rest, "commit\n") && objectID.MatchString(target) {
			return target
		}
	}
	return ""
}
