package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// Check tells why a directory cannot be trusted with runs: what is recorded
// there is what `resume` and `rollback` do. One that is not there yet will be
// nobody else's, and what cannot be looked at is for its reader to explain. Trusted are users besides root and the one who runs this.
func (d Dir) Check(trusted ...int) error {
	info, err := os.Stat(string(d))
	if err != nil {
		return nil
	}
	const so = "so what is recorded there is not to be trusted"
	switch owner, me := ownerOf(info), os.Geteuid(); {
	case owner != 0 && owner != me && !slices.Contains(trusted, owner):
		return fmt.Errorf("cannot use %s for the records of runs: it belongs to %s, neither to root nor to who runs this, %s; "+
			"name another place with --state, or, if a group shall share it, type: chown root %[1]s", d, userName(owner), so)
	case info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("cannot use %s for the records of runs: everybody may write there, %s; "+
			"type: chmod o-w %[1]s (for a group that shares it: chgrp GROUP %[1]s && chmod 2770 %[1]s), or name another place with --state", d, so)
	}
	return nil
}

// Shared tells whether a group shares the directory: it may write there, and
// what is made there is the group's (setgid).
func (d Dir) Shared() bool {
	info, err := os.Stat(string(d))
	return err == nil && info.Mode()&fs.ModeSetgid != 0 && info.Mode().Perm()&0o020 != 0
}

// share gives a new file of a run to the group that shares its directory, with
// that mode, whatever the umask is. Elsewhere it is its owner's.
func share(f *os.File, mode fs.FileMode) error {
	if !Dir(filepath.Dir(f.Name())).Shared() {
		return nil
	}
	return f.Chmod(mode)
}

// OpenLog opens what the process of a run says, where nobody watches it, to
// write more of it.
func OpenLog(dir, run string) (*os.File, error) {
	const what = "write the log of the run"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explain("make the directory of journals", err)
	}
	path := LogPath(dir, run)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrExist) { // of a run that goes on; its owner has shared it, whoever that is
		f, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	} else if err == nil {
		err = share(f, 0o660)
	}
	if err != nil {
		return nil, explain(what, err)
	}
	return f, nil
}

// ownerOf is the user to whom the kernel says that a file belongs.
func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// userName is a user as people know him.
func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "uid" + strconv.Itoa(uid)
	}
	return u.Username
}

// author is who wrote what a file says that belongs to a user: what it claims
// counts only where he could be anybody anyway, this process or root.
func author(owner int, claim string) string {
	if owner == 0 || owner == os.Geteuid() {
		return claim
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return userName(owner) + "@" + cmp.Or(host, "unknown")
}
