# without_curl is by_curl with wget, which says headers where it complains. That of busybox may have no limit of time, and may crash
# where it is given one.
without_curl() {
  command -v wget >/dev/null 2>&1 || { echo 'neither curl nor wget is installed'; return 3; }
  one=-q
  case $(wget --help 2>&1) in
    *--max-redirect*) one='-nv -t 1 --max-redirect=0 --no-proxy --content-on-error' ;;
  esac
  [ "$insecure" = false ] || one="$one --no-check-certificate"
  t=$(mktemp) || { echo 'cannot make a temporary file'; return 3; }
  late="none within $secs s"
  # shellcheck disable=SC2086 # options, word by word
  { body=$({ timeout --foreground "$secs" wget -S -O - $one -- "$url" || [ $? != 124 ] || echo "$late" >&2; } 2>"$t" | head -c "$limit"; echo .); } 2>/dev/null
  body=${body%.} head=$(tr -d '\r' <"$t")
  rm -f -- "$t"
  code=$(printf '%s\n' "$head" | sed -n 's|^ *HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' | tail -n 1)
  why=${head##*"$nl"}
  case $head in *HTTP/*) [ "$why" = "$late" ] || return 0 ;; esac
  case $why in
    *'unable to resolve'* | *'bad address'* | *nrecognized* | *'nvalid option'*) echo "$why"; return 3 ;;
  esac
  echo "no answer: $why"
  return 1
}
