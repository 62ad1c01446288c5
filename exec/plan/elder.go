package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"shipit/lang/diag"
)

// Releases that another tool brought run until shipit's first release takes
// their place. They are never moved, never pruned, and a way back leaves
// current exactly as it was.

// holds tells whether the host can run the release id: complete, or of
// another tool and still there.
func (h HostFacts) holds(id string) bool { return h.Has(id) || h.linkOf(id) != "" }

// linkOf is what current says of the release id, "" where that is what shipit
// makes it say.
func (h HostFacts) linkOf(id string) string {
	if id == h.Live && h.Link != "" {
		return h.Link
	}
	return h.Adopted[id]
}

// commitOf is the commit of a release that another tool brought, "" where
// nothing on the host says it.
func (h HostFacts) commitOf(id string) string {
	said := ""
	if id == h.Live && h.Link != "" && h.Elder != nil {
		said = h.Elder.Revision
		if said == "" && len(id) == 40 { // scap calls its directories by the commit
			said = id
		}
	} else if rec, ok := h.Last(id, "adopted"); ok {
		said = rec.Commit
	}
	if len(said) < 7 || len(said) > 64 || strings.Trim(said, "0123456789abcdef") != "" {
		return ""
	}
	return said
}

// Tool is who made what lies beside shipit's releases, "" where nobody did.
func (e *Elder) Tool() string {
	if e == nil {
		return ""
	}
	for _, known := range []struct{ mark, tool string }{
		{".dep", "Deployer"}, {"revs", "scap"}, {"repo", "Capistrano"}, {"revisions.log", "Capistrano"}, {"scm", "Mina"},
	} {
		if slices.Contains(e.Marks, known.mark) {
			return known.tool
		}
	}
	return ""
}

// adopt notes what a reader should know of a host that runs a release of
// another tool.
func (m *maker) adopt(v *move) {
	f, h := v.f, v.h
	if f.Elder != nil {
		for _, busy := range f.Elder.Busy {
			file, line, _ := strings.Cut(busy, "\n")
			m.tell(h.Name, "%s is there (%s): a scap deploy may be at work", clean(file), clean(cmp.Or(line, "empty")))
		}
		if to := f.Elder.Begun; to != "" {
			m.tell(h.Name, ".in-progress points to %s: a scap deploy is at work or was interrupted", clean(to))
		}
	}
	if f.Link == "" || h.To.ID == h.From.ID {
		return
	}
	what, commit := "another tool", ""
	if tool := f.Elder.Tool(); tool != "" {
		what = tool
	}
	if c := h.From.Commit; c != "" {
		commit = ", commit " + c[:min(12, len(c))]
		if f.Elder.Revision == c {
			commit += " by its REVISION"
		}
	}
	m.tell(h.Name, "this tree was made by %s and runs %s%s; shipit puts its releases beside it, moves nothing and never prunes what it did not bring",
		what, clean(h.From.Name()), commit)
	var lost []string
	if f.Elder != nil {
		for _, p := range f.Elder.Linked {
			if !slices.Contains(m.svc.Transport.Shared, p) {
				lost = append(lost, clean(p))
			}
		}
	}
	if len(lost) > 0 {
		m.tell(h.Name, "%s takes %s from shared/, and shared of the transport does not name %s: the new release would go without",
			clean(h.From.Name()), some(lost), map[bool]string{true: "it", false: "them"}[len(lost) == 1])
	}
}

// odd is why a host whose current is no link to a release cannot be changed,
// with what to type.
func (m *maker) odd(f *HostFacts) string {
	where := orPath(f.Path, m.svc.Transport.Path)
	if strings.HasPrefix(f.Odd, "current is not") {
		return fmt.Sprintf("%s/current is no symbolic link, and shipit replaces nothing else; make what is there a release once, while the service may miss it for a moment: "+
			"cd %[1]s && mkdir -p releases && mv -T current releases/before && ln -s releases/before current", where)
	}
	return fmt.Sprintf("%s/current is not as shipit leaves it: %s; move it away or point it to a directory in releases/, then plan again", where, clean(f.Odd))
}

// elder is why another tool keeps a host from being changed; "" if none does.
func (m *maker) elder(v *move) string {
	f, where := v.f, orPath(v.f.Path, m.svc.Transport.Path)
	if dir, ok := insideRelease(f.Path, m.svc.Transport.Path); ok {
		return fmt.Sprintf("path (%s) is a link to a release, %s; let path of the transport be %s",
			m.svc.Transport.Path, clean(f.Path), clean(dir))
	}
	e := f.Elder
	if e == nil {
		return ""
	}
	if len(e.Locks) > 0 {
		file, by, _ := strings.Cut(e.Locks[0], "\n")
		if by = strings.TrimSpace(by); by != "" {
			by = " (" + by + ")"
		}
		return fmt.Sprintf("a deploy of %s is at work or was interrupted: its lock %s/%s is there%s; wait for it or, if nobody deploys there: rm %[2]s/%[3]s",
			cmp.Or(e.Tool(), "another tool"), where, clean(file), clean(by))
	}
	if s := strings.TrimSuffix(e.Service, "/"); s != "" && v.flip && !slices.Contains([]string{f.Path + "/current", m.svc.Transport.Path + "/current", path.Base(f.Path) + "/current"}, s) {
		link := strings.TrimSuffix(where, "-cache")
		return fmt.Sprintf("the service's own link %s points to %s past current, so it would not see what shipit activates; let it lead over current once, which changes nothing that runs: "+
			"ln -s %s/current %[1]s.new && mv -T %[1]s.new %[1]s", link, clean(s), path.Base(where))
	}
	return ""
}

// foreign is why a directory of the service that somebody else owns cannot be
// written, with what to do; "" where that is not the reason.
func (m *maker) foreign(f *HostFacts) string {
	dir, cut := strings.CutSuffix(f.Denied, " cannot be written by "+f.Login)
	owner, rest, known := strings.Cut(f.DeniedBy, ":")
	if !cut || !known || dir != f.Path && !strings.HasPrefix(dir, m.svc.Transport.Path+"/") {
		return ""
	}
	group, mode, _ := strings.Cut(rest, " ")
	dir = clean(dir)
	return fmt.Sprintf("%s: it belongs to %s:%s, mode %s; log in as %[2]s (ssh { user = %[5]q }), or give it to a group of %[6]s once as root: chgrp %[6]s %[7]s && chmod g+w %[7]s",
		clean(f.Denied), clean(owner), clean(group), clean(mode), clean(owner), clean(f.Login), dir)
}

// insideRelease tells whether the service's directory, as the host resolves
// it, is a release of some tool, and what holds that.
func insideRelease(resolved, declared string) (dir string, ok bool) {
	for _, in := range []string{"/releases/", "/revs/"} {
		if i := strings.LastIndex(resolved, in); i > 0 && !strings.HasSuffix(declared, resolved[i:]) && !strings.Contains(resolved[i+len(in):], "/") {
			return resolved[:i], true
		}
	}
	return "", false
}

// leftBehind are the names among strays that another tool gives its releases.
func (h HostFacts) leftBehind() (names []string) {
	if h.Elder.Tool() == "" {
		return nil
	}
	for _, name := range h.Strays {
		if strings.Trim(name, "0123456789") == "" && name != h.Live {
			names = append(names, name)
		}
	}
	return names
}

// beside says which releases of another tool are left, and how to remove them.
func (h HostFacts) beside(names []string) string {
	return fmt.Sprintf("%s of %s left beside shipit's (%s); prune leaves them alone, so remove them by hand once nobody goes back there",
		count(len(names), "release"), h.Elder.Tool(), diag.FoldSome(names, mostNames))
}
