package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Text is a file of the login user with a content.
func Text(content, mode string) File {
	sum := sha256.Sum256([]byte(content))
	return File{Exists: true, Content: content, SHA256: hex.EncodeToString(sum[:]), Mode: mode, Owner: "deploy", Group: "deploy"}
}

// fileOf is the file that a step writes.
func fileOf(arg map[string]string) File {
	f := Text(arg["content"], arg["mode"])
	f.Owner, f.Group = cmp.Or(arg["owner"], f.Owner), cmp.Or(arg["group"], f.Group)
	return f
}

// verify sees that the host still is as it was read under the lock.
func (h *Host) verify(arg map[string]string) error {
	if !slices.Contains(strings.Split(arg["may"], "\n"), h.state.Live) {
		return saidNo(fmt.Sprintf("current changed since the plan: is %s", h.state.Live))
	}
	for _, line := range words(arg["files"]) {
		i := strings.LastIndex(line, " ")
		path, was := line[:i], line[i+1:]
		is := "absent"
		if f := h.state.Files[path]; f.Exists {
			is = f.SHA256
		}
		if is != was {
			return saidNo(path + " changed since the plan")
		}
	}
	return nil
}

// keep keeps copies of files under a name. Those kept before stay, unless
// again.
func (h *Host) keep(name string, paths []string, again bool) {
	saved := h.state.Saved[name]
	if saved == nil {
		saved = map[string]File{}
		h.state.Saved[name] = saved
	}
	for _, path := range paths {
		if _, ok := saved[path]; !ok || again {
			saved[path] = h.state.Files[path]
		}
	}
}

// restore puts a file back as a run left it, or as this run found it. What
// this run never came to save, it never changed.
func (h *Host) restore(arg map[string]string) error {
	from := cmp.Or(arg["saved_by"], arg["run"]+".before")
	f, ok := h.state.Saved[from][arg["path"]]
	switch {
	case ok:
		h.state.Files[arg["path"]] = f
	case arg["saved_by"] != "":
		return saidNo("run " + from + " left no copy of " + arg["path"])
	}
	return nil
}
