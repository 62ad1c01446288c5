package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shipit/exec/remote"
)

// observe states what the host is, in the words of the real script.
func (s *session) observe(step remote.Step) {
	h := s.host
	st := h.State()
	say := func(key, value string) { s.fact(step.ID, key, value) }
	say("login", s.login())
	say("uid", "1000")
	say("boot", "simulated-"+h.Name)
	say("path", step.Args["path"])
	say("df", "tmpfs 99999999 0 99999999 0% /")
	say("dfi", "tmpfs 99999999 0 99999999 0% /")
	if st.Live != "" {
		say("current", "releases/"+st.Live+"\n")
		if !slices.Contains(st.Releases, st.Live) {
			say("dangling", "yes")
		}
	}
	for _, id := range st.Releases {
		say("release", id)
	}
	if len(st.History) > 0 {
		say("history", strings.Join(st.History, "\n")+"\n")
	}
	for i, path := range words(step.Args["files"]) {
		f, key := st.Files[path], fmt.Sprintf("file.%d", i)
		if !f.Exists {
			continue
		}
		say(key+".exists", "yes")
		say(key+".stat", fmt.Sprintf("%s %s %s %d", strings.TrimPrefix(f.Mode, "0"), f.Owner, f.Group, len(f.Content)))
		say(key+".sha256", f.SHA256)
		if step.Args["drift"] == "" {
			say(key+".content", f.Content)
		}
	}
	for i, unit := range words(step.Args["units"]) {
		active := "inactive"
		if st.Running != "" {
			active = "active"
		}
		say(fmt.Sprintf("unit.%d", i), "LoadState=loaded\nActiveState="+active+"\nMainPID=1\n# "+unit+"\n")
		if st.Running != "" && !st.Started.IsZero() {
			say(fmt.Sprintf("unit.%d.started", i), fmt.Sprint(st.Started.Unix()))
		}
	}
	if step.Args["saved"] != "" || step.Args["drift"] != "" {
		s.saved(step.ID, st)
	}
	if st.DrainedBy != "" {
		say("drained", fmt.Sprintf("%d\t%s\n", time.Now().Unix(), st.DrainedBy))
	}
	s.look(step.ID)
	s.watched(step.ID)
}

// saved states the files that runs left, for a rollback.
func (s *session) saved(step string, st State) {
	for _, run := range slices.Sorted(maps.Keys(st.Saved)) {
		if strings.HasSuffix(run, ".before") {
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(st.Saved[run])) {
			f := st.Saved[run][path]
			meta := "absent - - - -"
			if f.Exists {
				meta = fmt.Sprintf("file %s %s %s %s", f.SHA256, strings.TrimPrefix(f.Mode, "0"), f.Owner, f.Group)
				s.fact(step, "blob."+f.SHA256, f.Content)
			}
			s.fact(step, "saved", run+"\n"+meta+"\n"+path)
		}
	}
}

// words are the lines of a step's argument.
func words(arg string) []string {
	if arg == "" {
		return nil
	}
	return strings.Split(arg, "\n")
}
