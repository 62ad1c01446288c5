package remote

import "syscall"

// KillMaster kills the program ssh behind c.
func KillMaster(c Conn) {
	syscall.Kill(-c.(*sshConn).master.cmd.Process.Pid, syscall.SIGKILL)
}

// NewPacker gives what packs scripts for many hosts.
func NewPacker() func(script string) string {
	p := new(packer)
	return func(script string) string { return string(p.pack(script)) }
}

// Packed is Input by gzip.
func Packed(c Command, nonce string) string { return string(new(packer).pack(Script(c, nonce))) }
