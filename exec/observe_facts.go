package exec

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"shipit/exec/lock"
	"shipit/exec/plan"
	"shipit/exec/remote"
)

// parseFacts reads what observeStep stated. Nothing in it is trusted to be
// well formed: what does not parse is left out, and a plan does not act on
// what it does not know.
func parseFacts(q Question, info remote.Info, records []remote.Record) plan.HostFacts {
	h := plan.HostFacts{
		Name: q.Host, HostKey: info.HostKey, Login: info.User, UID: -1,
		Files: map[string]plan.FileFact{}, Units: map[string]plan.Unit{}, Sudo: map[string]bool{},
	}
	facts := map[string]string{}
	var saved []string
	var elder plan.Elder
	for _, r := range records {
		if r.Kind != remote.Fact {
			continue
		}
		switch r.Key {
		case "missing":
			h.Missing = append(h.Missing, strings.ReplaceAll(r.Text, "|", " or "))
		case "saved":
			saved = append(saved, r.Text)
		case "incoming":
			h.Incoming = append(h.Incoming, r.Text)
		case "release":
			h.Releases = append(h.Releases, r.Text)
		case "adopted":
			if id, link, ok := strings.Cut(r.Text, "/"); ok && id != "" && link != "" {
				if h.Adopted == nil {
					h.Adopted = map[string]string{}
				}
				h.Adopted[id] = link
			}
		case "mark":
			elder.Marks = append(elder.Marks, r.Text)
		case "elder.lock":
			elder.Locks = append(elder.Locks, strings.TrimSuffix(r.Text, "\n"))
		case "elder.busy":
			elder.Busy = append(elder.Busy, strings.TrimSuffix(r.Text, "\n"))
		case "stray":
			h.Strays = append(h.Strays, r.Text)
		default:
			facts[r.Key] = r.Text
		}
	}
	if login := facts["login"]; login != "" {
		h.Login = login
	}
	if uid, err := strconv.Atoi(facts["uid"]); err == nil {
		h.UID = uid
	}
	h.BootID, h.Path, h.Denied = facts["boot"], facts["path"], facts["denied"]
	h.DeniedBy = strings.TrimSuffix(facts["denied.by"], "\n")
	h.FreeKiB, h.FreeInodes = free(facts["df"]), free(facts["dfi"])
	slices.Sort(h.Releases)
	h.History = history(facts["history"])
	h.Live, h.Odd = live(q.Path, facts)
	if _, staged := h.Last(h.Live, "staged"); h.Live != "" && (!h.Has(h.Live) && !staged || current(facts) != "releases/"+h.Live) {
		h.Link = current(facts)
	}
	h.Elder = elderOf(elder, facts)
	for i, f := range q.Files {
		h.Files[f.Path] = fileFact("file."+strconv.Itoa(i), facts)
	}
	for i, u := range q.Units {
		key := "unit." + strconv.Itoa(i)
		if text, ok := facts[key]; ok {
			state := unit(text)
			state.Started, _ = strconv.ParseInt(facts[key+".started"], 10, 64) // 0 says that nobody knows
			h.Units[u] = state
		}
	}
	for i, args := range q.Sudo {
		if answer, ok := facts["sudo."+strconv.Itoa(i)]; ok {
			h.Sudo[sudoLine(args)] = answer == "yes"
		}
	}
	h.Drained = drained(facts["drained"])
	if q.Saved || q.Drift {
		h.Saved = savedFiles(saved, facts)
	}
	if holder, ok := lock.Holds(records); ok {
		h.Lock = &plan.Holder{
			Run: holder.Run, Owner: holder.Owner, Since: holder.Since, Reason: holder.Reason, Alive: holder.Alive,
			Global: holder.Global, Hold: holder.Hold, Until: holder.Until(), Waiting: len(lock.Tickets(records)),
		}
	}
	if w, ok := lock.Watches(records); ok {
		h.Watchdog = &plan.Watchdog{State: w.State, Run: w.Run, Left: w.Left, Step: w.Step}
	}
	return h
}

// current is what the link current says.
func current(facts map[string]string) string { return strings.TrimSuffix(facts["current"], "\n") }

// live is the release that current points to, or what is odd about current.
// path is the service's directory by the definition. Other tools write other
// links than shipit: with the whole path, or into revs/.
func live(path string, facts map[string]string) (id, odd string) {
	if facts["nolink"] != "" {
		return "", "current is not a symbolic link"
	}
	if _, ok := facts["current"]; !ok {
		return "", ""
	}
	to := current(facts)
	within := func(path string, dirs ...string) bool {
		for _, dir := range dirs {
			rest, ok := strings.CutPrefix(path, dir)
			rest = strings.TrimRight(rest, "/")
			if ok && rest != "" && rest != "." && rest != ".." && !strings.Contains(rest, "/") && word(rest) == rest {
				id = rest
				return true
			}
		}
		return false
	}
	resolved := facts["path"]
	real := strings.TrimSuffix(facts["real"], "\n")
	switch {
	case !within(to, "releases/", path+"/releases/", resolved+"/releases/") && !within(real, resolved+"/releases/", resolved+"/revs/"):
		return "", "current points to " + strconv.Quote(to) + ", which is no release of shipit"
	case facts["dangling"] != "":
		return "", "current points to " + strconv.Quote(to) + ", which is not there"
	}
	return id, ""
}

// elderOf puts together what another tool left, nil if nothing.
func elderOf(e plan.Elder, facts map[string]string) *plan.Elder {
	e.Revision, _, _ = strings.Cut(facts["revision"], "\n")
	e.Linked = lines(facts["linked"])
	slices.Sort(e.Linked)
	e.Begun = strings.TrimSuffix(facts["elder.begun"], "\n")
	e.Service = strings.TrimSuffix(facts["elder.service"], "\n")
	if e.Marks == nil && e.Locks == nil && e.Revision == "" && e.Linked == nil && e.Service == "" {
		return nil
	}
	return &e
}

// drained reads the mark of an open drain. One that was cut still says that
// there is a drain.
func drained(text string) *plan.Drain {
	if text == "" {
		return nil
	}
	since, run, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\t")
	at, _ := strconv.ParseInt(since, 10, 64) // 0 says that nobody knows
	return &plan.Drain{Run: run, Since: at}
}

// history reads .shipit/history; a line that was cut or edited is left out.
func history(text string) []plan.Record {
	var out []plan.Record
	for _, line := range lines(text) {
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			continue
		}
		at, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			continue
		}
		out = append(out, plan.Record{Time: at, Run: f[1], State: f[2], Release: f[3], By: f[4], Tag: f[5], Commit: f[6]})
	}
	return out
}

// fileFact gathers the facts under key.
func fileFact(key string, facts map[string]string) plan.FileFact {
	f := plan.FileFact{
		Exists:  facts[key+".exists"] != "",
		SHA256:  facts[key+".sha256"],
		Content: facts[key+".content"],
		Big:     facts[key+".big"] != "",
		Problem: facts[key+".problem"],
	}
	if s := strings.Fields(facts[key+".stat"]); len(s) == 4 {
		f.Mode, f.Owner, f.Group = octal(s[0]), s[1], s[2]
	}
	if !isText(f.Content) {
		f.Content, f.Big = "", true
	}
	return f
}

// savedFiles reads what a rollback can bring back. An entry is the run, then
// the lines of its .meta file: state, digest, mode, owner, group; the path.
func savedFiles(entries []string, facts map[string]string) map[string]map[string]plan.FileFact {
	out := map[string]map[string]plan.FileFact{}
	for _, e := range entries {
		run, rest, _ := strings.Cut(e, "\n")
		head, path, ok := strings.Cut(rest, "\n")
		m := strings.Fields(head)
		if !ok || run == "" || path == "" || len(m) != 5 {
			continue
		}
		f := plan.FileFact{Exists: m[0] == "file"}
		if f.Exists {
			f.SHA256, f.Mode, f.Owner, f.Group = m[1], octal(m[2]), m[3], m[4]
			content, sent := facts["blob."+f.SHA256]
			if f.Big = !sent || !isText(content); !f.Big {
				f.Content = content
			}
		}
		if out[run] == nil {
			out[run] = map[string]plan.FileFact{}
		}
		out[run][path] = f
	}
	return out
}

// unit reads systemctl show.
func unit(text string) plan.Unit {
	u := plan.Unit{Load: "unknown", Active: "unknown"}
	for _, line := range lines(text) {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "LoadState":
			u.Load = value
		case "ActiveState":
			u.Active = value
		case "ActiveEnterTimestamp":
			u.Since = value
		case "MainPID":
			u.PID, _ = strconv.Atoi(value) // 0 is systemd's own word for none
		}
	}
	return u
}

// free reads the line of df -P: what is available stands before the share
// that is used. -1 is "nobody knows".
func free(line string) int64 {
	f := strings.Fields(line)
	for i := len(f) - 1; i > 0; i-- {
		if f[i] == "-" || strings.HasSuffix(f[i], "%") {
			n, err := strconv.ParseInt(f[i-1], 10, 64)
			switch {
			case err != nil:
				return -1
			case i >= 3 && f[i-3] == "0": // of none at all none is free: they are not counted
				return plan.NoLimit
			}
			return n
		}
	}
	return -1
}

// octal writes a mode with four digits.
func octal(s string) string {
	if len(s) < 4 {
		return strings.Repeat("0", 4-len(s)) + s
	}
	return s
}

func lines(s string) []string {
	if s = strings.TrimSuffix(s, "\n"); s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
