case $p in /*) ;; *) p=$PWD/$p ;; esac
in=$p/.shipit/incoming-$run
list=$in.list
tab='	'
complete() { [ -d "$p/releases/$1" ] && [ ! -L "$p/releases/$1" ] && [ -f "$p/.shipit/manifest/$1" ]; }
# writable DIR ends the step where the login may not write.
writable() { [ -w "$1" ] && [ -x "$1" ] || die "$(id -un) cannot write $1; what runs is untouched. Give it to $(id -un) (chown), then apply again"; }
# discard removes what a delivery left. A link is a link, wherever it leads.
discard() {
  [ -L "$1" ] || chmod -R u+w -- "$1" 2>/dev/null || :
  rm -rf -- "$1"
}
# clean removes what did not become a release, but for parts that a kind can go on with.
parts=
clean() {
  [ -n "$parts" ] || discard "$in"
  rmdir -- "$in" 2>/dev/null || :
  rm -rf -- "$list" "$in".*
}
# keys changes who may log in here, one at a time, and keeps all other lines. What matches GONE goes, the rest of the arguments is a line that comes.
keys() {
  _a=.ssh/authorized_keys _s=$1
  shift
  [ ! -L .ssh ] && [ ! -L "$_a" ] || { echo "$_a is a link"; return 1; }
  mkdir -p -- "$HOME/.shipit" && command exec 8>>"$HOME/.shipit/keys" && flock -w 10 8 || return 1
  [ -d .ssh ] || (umask 077; mkdir .ssh) || return 1
  if [ -e "$_a" ]; then cp -p -- "$_a" "$_a.$run"; else (umask 077; : >"$_a.$run"); fi || return 1
  { { [ ! -e "$_a" ] || grep -v -e "$_s" -- "$_a" || [ $? = 1 ]; } && { [ $# = 0 ] || printf '%s\n' "$*"; }; } >"$_a.$run" && mv -f -- "$_a.$run" "$_a" ||
    { rm -f -- "$_a.$run"; return 1; }
}
# unrelay ends what runs that were killed served here: their lines in authorized_keys, then their parcels.
unrelay() {
  for _i in "$p"/.shipit/relay-*; do
    [ -d "$_i" ] || [ -L "$_i" ] || continue
    _dir=$(cd -- "$p" && pwd -P | sed 's/\./\\./g')
    (cd && { [ ! -e .ssh/authorized_keys ] || keys "command=\"exec cat $_dir/\.shipit/relay-[^ \"]*/parcel\" .* shipit-relay-[^ ]*\$"; }) || : # it runs out by itself
    discard "$_i"
  done
}
# begin makes room, or ends the step where the release is there already. With resume, what a delivery before left is kept.
resume=
begin() {
  unrelay
  { [ -d "$p/releases" ] && [ -d "$p/.shipit/manifest" ]; } || mkdir -p -- "$p/releases" "$p/.shipit/manifest" || die "$(id -un) cannot make directories in $p$(room); what runs is untouched"
  if complete "$id"; then echo "release $id is there already"; exit 0; fi
  for _d in "$p/releases" "$p/.shipit" "$p/.shipit/manifest"; do writable "$_d"; done
  _left=
  for _i in "$p"/.shipit/incoming-*; do
    case $_i in "$p/.shipit/incoming-*") continue ;; esac
    if [ -n "$resume" ] && [ -z "$_left" ] && [ -d "$_i" ] && [ ! -L "$_i" ]; then _left=$_i; continue; fi
    discard "$_i"
  done
  [ -z "$_left" ] || [ "$_left" = "$in" ] || mv -T -- "$_left" "$in"
  trap '_rc=$?; [ "$_rc" = 0 ] || clean; exit "$_rc"' EXIT
}
# clock reads seconds that no change of the time of day changes.
clock() { read -r _now _ </proc/uptime; _now=${_now%%.*}; }
clock
end=$((_now + secs))
# left counts the seconds that remain of the step, which ends where none do.
left() {
  clock
  left=$((end - _now))
  [ "$left" -gt 0 ] || die "no end within $secs s of fetching from $1; what runs is untouched. Look at the line between this host and it, then apply again"
}
# free KIND prints what df says is free; nothing where it cannot.
free() { df "-P$1" -- "$p" 2>/dev/null | tail -n 1 | sed -n 's/.* \([0-9][0-9]*\)  *[0-9][0-9]*%.*/\1/p'; }
# room says what is free below $p, for who must make some.
room() {
  _k=$(free k) _i=$(free i)
  [ -z "$_k" ] || printf ', where %s KiB%s are free' "$_k" "${_i:+ and $_i inodes}"
}
# tight is room where there is hardly any: what failed may have another reason.
tight() { [ "$(free k || :)" -ge 1024 ] 2>/dev/null && [ "$(free i || :)" -ge 100 ] 2>/dev/null || room; }
# listing DIR prints what DIR holds, directories aside, as a manifest does but without digests: by one walk, or by two and a
# process a link where find (busybox's) prints only names.
listing() {
  (
    cd -- "$1"
    find . -type f -perm -100 -printf 'x %P\n' -o -type f -printf 'f %P\n' -o -type l -printf 'l %P\t%l\n' -o ! -type d -printf 'o %P\n' 2>/dev/null || {
      find . -type f -perm -100 -exec printf 'x %s\n' {} + -o -type f -exec printf 'f %s\n' {} + \
        -o ! -type d ! -type l -exec printf 'o %s\n' {} + | sed 's|^\([xfo]\) \./|\1 |'
      find . -type l | while IFS= read -r _l; do printf 'l %s%s%s\n' "${_l#./}" "$tab" "$(readlink -- "$_l")"; done
    }
  ) | sort
}
# names MANIFEST prints a manifest as listing prints a directory.
names() { sed -e '/^d /d' -e 's/^\([fx]\) [0-9a-f]\{64\}  /\1 /' "$1" | sort; }
# dirs DIR MANIFEST: the empty directories that MANIFEST names are there. Others may be, below which shared paths go.
dirs() {
  sed -n 's/^d //p' "$2" | while IFS= read -r _d; do
    [ -d "$1/$_d" ] && [ ! -L "$1/$_d" ] || { echo "d $_d"; exit 1; }
  done
}
# same DIR MANIFEST [SHA256]: DIR holds exactly what MANIFEST names. Who knows the digest of what listing prints then spares making
# it from the manifest, as long as that names no directories.
same() {
  [ -z "${3-}" ] || [ "$(listing "$1" | sha256sum)" != "$3  -" ] || return 0
  dirs "$1" "$2" || return 1
  listing "$1" >"$in.is"
  names "$2" >"$in.should"
  [ "$(sha256sum <"$in.is")" = "$(sha256sum <"$in.should")" ] && return 0
  comm -3 "$in.is" "$in.should" | head -n 3
  return 1
}
# sums DIR MANIFEST [SHA256]: the files have the contents that MANIFEST says. Who knows the digest of what openssl says of all files,
# sorted, has it asked first: where it is, it takes half of the time of many a sha256sum, and what it does not confirm, that one
# decides. Lines of MANIFEST that are no file's are none to it either, and of what is odd to it the slower look tells.
sums() {
  if [ -n "${3-}" ] && command -v openssl >/dev/null 2>&1; then
    [ "$(cd -- "$1" && find . -type f -exec openssl dgst -sha256 -r {} + 2>/dev/null | sort | sha256sum)" != "$3  -" ] || return 0
  fi
  ! cut -c 3- <"$2" | (cd -- "$1" && sha256sum -c >/dev/null 2>&1) || return 0
  sed -n 's/^[fx] \([0-9a-f]\{64\}\)  /\1  .\//p' "$2" >"$in.sums"
  [ -s "$in.sums" ] || return 0
  (cd -- "$1" && sha256sum -c 2>&1) <"$in.sums" >"$in.bad" || { grep -v ': OK$' "$in.bad" | head -n 3; return 1; }
}
# alike DIR SHA256: one walk tells all that same and sums look for, where openssl is, and a find that knows -printf: it says what it
# found before it starts a program. Where the digest is another one, or is not known, those two tell more. A name of two lines is
# never alike: one of them could pass for what openssl says.
alike() {
  [ -n "$2" ] && command -v openssl >/dev/null 2>&1 &&
    [ "$(cd -- "$1" && find . \( -name "*$nl*" -printf 'o\n' -o -type f -perm -100 -printf 'x %P\n' -o -type f -printf 'f %P\n' -o -type l -printf 'l %P\t%l\n' -o ! -type d -printf 'o %P\n' \) \
      -type f -exec openssl dgst -sha256 -r {} + 2>/dev/null | sort | sha256sum)" = "$2  -" ]
}
# digests DIR prints the manifest of DIR.
digests() {
  (
    cd -- "$1"
    find . -type f ! -perm -100 -exec sha256sum {} + | sed 's|^\(\\\{0,1\}\)\([0-9a-f]*\)  \./|\1f \2  |'
    find . -type f -perm -100 -exec sha256sum {} + | sed 's|^\(\\\{0,1\}\)\([0-9a-f]*\)  \./|\1x \2  |'
    find . -type l | while IFS= read -r _l; do printf 'l %s%s%s\n' "${_l#./}" "$tab" "$(readlink -- "$_l")"; done
  ) | sed -e '/^\\/{s/^\\//;s/\\\\/\\/g;}' | sort
}
# modes makes everything as readable as a release is, and nothing more than that, whatever it came from.
modes() { find "$in" ! -type l -exec chmod u+rwX,go+rX,go-w,a-st {} +; }
# straight PATH: no link is on the way to a path of the release, so that it does not lead out of it.
straight() {
  _d=$1
  while case $_d in */*) ;; *) false ;; esac do
    _d=${_d%/*}
    [ ! -L "$in/$_d" ] || return 1
  done
}
# unshare PATH takes the link to a shared path out of a copy of a release.
unshare() { ! straight "$1" || [ ! -L "$in/$1" ] || rm -f -- "$in/$1"; }
# shared PATH TARGET links a path that lives across releases.
shared() {
  [ ! -e "$in/$1" ] && [ ! -L "$in/$1" ] || die "$1 is in the release itself and is declared as shared"
  straight "$1" || die "$1 is declared as shared, and the release has a link on the way to it"
  case $1 in */*) mkdir -p -- "$in/${1%/*}" ;; esac
  [ -e "$p/shared/$1" ] || [ ! -L "$p/shared/$1" ] || die "$p/shared/$1 is a link that leads nowhere, to $(readlink -- "$p/shared/$1"); what runs is untouched"
  [ -e "$p/shared/$1" ] || mkdir -p -- "$p/shared/$1" || die "$p/shared/$1 cannot be made$(room); what runs is untouched"
  ln -s -- "$2" "$in/$1"
}
# unpack unpacks what is sent, by gzip where gz is z, or was before; of tar's complaints the first say enough, and none says what is free.
packed= gz=
unpack() {
  { if [ -n "$packed" ]; then tar -xomf - <"$packed"; else data tar "-x${gz}omf" -; fi; } 2>"$in.out" || {
    head -n 2 -- "$in.out"
    die "cannot unpack the release below $p$(room); what runs is untouched"
  }
}
# settle makes the verified release appear. Its bytes are on disk before its name is.
settle() {
  sync -f "$p/.shipit" 2>/dev/null || sync
  if [ -e "$p/releases/$id" ] || [ -L "$p/releases/$id" ]; then
    [ "$(readlink -- "$p/current" 2>/dev/null)" != "releases/$id" ] || die "$id is live, but shipit did not bring it here"
    rm -rf -- "$p/releases/$id"
  fi
  mv -f -- "$list" "$p/.shipit/manifest/$id"
  mv -T -- "$in" "$p/releases/$id"
  for _i in "$in".*; do
    [ ! -e "$_i" ] || { rm -rf -- "$in".*; break; }
  done
}
