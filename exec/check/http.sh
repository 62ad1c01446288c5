# header NAME WANTED: one of the values of a header of the last answer is the wanted one.
header() {
  have=$(tr -d '\r' <"$t/head" | N=$1 awk '
    BEGIN { n = tolower(ENVIRON["N"]) ":" }
    { sub(/^ +/, "") }
    /^HTTP\// { count = 0 }
    tolower(substr($0, 1, length(n))) == n { v = substr($0, length(n) + 1); gsub(/^[ \t]+|[ \t]+$/, "", v); values[++count] = v }
    END { for (i = 1; i <= count; i++) print values[i] }')
  [ -n "$have" ] || { echo "status $code, but there is no header $1"; return 1; }
  printf '%s\n' "$have" | grep -F -x -q -e "$2" && return 0
  all=$(printf '%s\n' "$have" | tr '\n' ',' | sed 's/,$//; s/,/, /g' | head -c 200)
  echo "status $code, but the header $1 is $all, wanted $2"
  return 1
}
within_body() {
  case $(cat "$t/body") in *"$contains"*) return 0 ;; esac
  echo "status $code, but the body does not contain $contains"
  return 1
}
matching() {
  grep -E -q -e "$1" "$t/body" && return 0
  [ $? = 1 ] || { echo "grep does not take the pattern $1"; return 3; }
  echo "status $code, but no line of the body matches $1"
  return 1
}
# json PATH WANTED NAME: the value at a path of the body is the wanted one.
json() {
  have=$(P=$1 timeout --foreground "$secs" awk "$json_awk" "$t/body") || { echo "the JSON of the body could not be read within $secs s"; return 3; }
  have=${have%.}
  case $have in
    'bad') echo "status $code, but the body is not JSON"; return 1 ;;
    'none') echo "status $code, but the body has no $3"; return 1 ;;
    'an object' | 'an array') echo "status $code, but $3 is $have"; return 1 ;;
  esac
  have=${have#=}
  [ "$have" != "$2" ] || return 0
  echo "status $code, but $3 is $(printf '%s' "$have" | tr '\n' ' ' | head -c 200), wanted $2"
  return 1
}
# by_curl puts the answer into files.
by_curl() {
  { config | curl -q -K - -D "$t/head" 2>"$t/err"; echo "$?" >"$t/rc"; } | head -c "$limit" | tr -d '\000' >"$t/body"
  rc=$(cat "$t/rc")
  why=$(sed -n 's/^curl: ([0-9]*) //p' "$t/err" | tail -n 1)
  case $rc in
    0 | 23) return 0 ;; # 23: there was more than we read
    1 | 2 | 3 | 4 | 6 | 27 | 41 | 48 | 126 | 127) echo "${why:-curl ended with exit status $rc}"; return 3 ;;
  esac
  echo "${why:-no answer (curl says $rc)}"
  return 1
}
ask() {
  if command -v curl >/dev/null 2>&1; then by_curl
  else without_curl; fi || return
  code=$(tr -d '\r' <"$t/head" | sed -n 's|^ *HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' | tail -n 1)
  [ -n "$code" ] || { echo 'the answer has no status'; return 1; }
  status "$code" || { echo "status $code, wanted $wanted_status"; return 1; }
  expectations
}
t=$(mktemp -d) || { echo 'cannot make a temporary directory'; return 3; }
: >"$t/head"
rc=0
ask || rc=$?
rm -rf -- "$t"
return "$rc"
