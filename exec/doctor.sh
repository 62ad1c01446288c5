# States what a host is like, beside what observe.sh states of the service. Nothing here writes anywhere.
version() { # NAME CMD…: the first line of what CMD says of itself
  _k=$1; shift
  command -v "$1" >/dev/null 2>&1 || return 0
  timeout --foreground 5 "$@" </dev/null 2>&1 | head -n 1 | fact64 "version.$_k"
}
# options DIR states the type and the options of the file system that holds DIR.
options() {
  _dir=$(stat -c %m -- "$1" 2>/dev/null) && [ -r /proc/mounts ] || return 0
  _said=
  while read -r _ _at _type _opts _; do [ "$_at" != "$_dir" ] || _said="$_type $_opts"; done </proc/mounts
  printf '%s' "$_said"
}
login=$(id -un)
uid=$(id -u)
[ -r /proc/uptime ] || fact noproc yes
fact kernel "$(uname -srm)"
if [ -r /etc/os-release ]; then sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d '"' | fact64 os; fi
{ getent passwd "$login" 2>/dev/null || printf '::::::%s\n' "$SHELL"; } | head -n 1 | sed 's/.*://' | fact64 shell
readlink -f /bin/sh 2>/dev/null | fact64 sh
for _v in git tar curl wget rsync sudo flock; do version "$_v" "$_v" --version; done
version systemd systemctl --version
case $p in /*) _w=$p ;; *) _w=$PWD/$p ;; esac
while [ ! -d "$_w" ] && [ "$_w" != "${_w%/*}" ]; do _w=${_w%/*}; done
_w=${_w:-/}
_s=$(stat -L -c '%a %U %G' -- "$_w" 2>/dev/null) && printf '%s %s' "$_s" "$_w" | fact64 place
options "$_w" | fact64 mount
df -Pk -- "$_w" 2>/dev/null | tail -n 1 | fact64 use
df -Pi -- "$_w" 2>/dev/null | tail -n 1 | fact64 usei
[ -w "${TMPDIR:-/tmp}" ] || fact notmp "${TMPDIR:-/tmp}"
# On a line of its own where control groups are of version 1.
if grep -q 'session-[^/]*[.]scope' /proc/self/cgroup 2>/dev/null && command -v busctl >/dev/null 2>&1; then
  _b=$(timeout --foreground 5 busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null)
  [ "$_b" != 'b true' ] || [ -e "/var/lib/systemd/linger/$login" ] || fact killed yes
fi
_j=
for _v in /run/log/journal/* /var/log/journal/*; do
  [ -d "$_v" ] || continue
  if [ -r "$_v/system.journal" ]; then _j=yes; elif [ ! -x "$_v" ] || [ -e "$_v/system.journal" ]; then _j=${_j:-no}; fi
done
[ "$_j" != no ] || fact nojournal yes
_m=$(sed -n 's/^[[:space:]]*[Mm][Aa][Xx][Ss][Ee][Ss][Ss][Ii][Oo][Nn][Ss][[:space:]=]*\([0-9]*\).*/\1/p' /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config 2>/dev/null | head -n 1)
[ -z "$_m" ] || fact maxsessions "$_m"
# Only where sudo was asked anyway: it may report who is not in sudoers at all.
if [ -n "$sudo" ] && [ "$uid" != 0 ] && command -v sudo >/dev/null 2>&1; then
  case $(timeout --foreground 5 sudo -n -l 2>/dev/null) in *'NOPASSWD: ALL'*) fact sudoall yes ;; esac
fi
