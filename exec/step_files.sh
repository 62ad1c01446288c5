# as ROOT prints who writes a file.
as() { if [ -n "$1" ]; then echo root; else echo login; fi; }
contents() { if [ -r "$1" ]; then cat -- "$1"; elif [ -n "$2" ]; then run root 10 cat -- "$1"; else return 1; fi; }
# keep DIR NAME PATH ROOT saves a file as it is now, or that it is not there. The .meta comes last: it is complete or not there.
keep() {
  _m=$1/$2.meta
  (umask 077; mkdir -p -- "$1")
  if [ -e "$3" ] || [ -L "$3" ]; then
    [ -f "$3" ] && [ ! -L "$3" ] || die "$3 is no regular file"
    (umask 077; contents "$3" "$4" >"$1/$2") || die "cannot read $3"
    _s=$(stat -c '%a %U %G' -- "$3")
    _h=$(sha256sum <"$1/$2")
    printf 'file %s %s\n%s' "${_h%% *}" "$_s" "$3" >"$_m.new"
  else
    rm -f -- "$1/$2"
    printf 'absent - - - -\n%s' "$3" >"$_m.new"
  fi
  mv -f -- "$_m.new" "$_m"
}
# room PATH: a file can be put there, and nothing else is in its way.
room() {
  case $1 in */*) _d=${1%/*}; [ -n "$_d" ] || _d=/ ;; *) _d=. ;; esac
  [ -d "$_d" ] || die "the directory $_d does not exist"
  [ -L "$1" ] || [ ! -d "$1" ] || die "$1 is a directory"
  (umask 077; mkdir -p -- "$p/.shipit/tmp")
}
# unmoved PATH ROOT SHA256 ends the step where a file is not what it was.
unmoved() {
  if [ -L "$1" ]; then _is='a symbolic link'
  elif [ ! -e "$1" ]; then _is=absent
  else _is=$(contents "$1" "$2" | sha256sum); _is=${_is%% *}; fi
  [ "$_is" = "$3" ] || die "$1 changed since the plan: was $3, is $_is"
}
