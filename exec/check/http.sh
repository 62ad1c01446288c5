# header NAME WANTED: one of the values of a header of the answer is the wanted one.
header() {
  have=$(printf '%s\n' "$head" | tr -d '\r' | N=$1 awk '
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
  case $body in *"$contains"*) return 0 ;; esac
  echo "status $code, but the body does not contain $contains"
  return 1
}
matching() {
  printf '%s' "$body" 2>/dev/null | grep -E -q -e "$1" && return 0
  [ $? = 1 ] || { echo "grep does not take the pattern $1"; return 3; }
  echo "status $code, but no line of the body matches $1"
  return 1
}
# json PATH WANTED NAME: the value at a path of the body is the wanted one.
json() {
  have=$(printf '%s' "$body" 2>/dev/null | P=$1 timeout --foreground "$secs" awk "$json_awk") || { echo "the JSON of the body could not be read within $secs s"; return 3; }
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
# by_curl puts the answer into head and body, and its status into code. The size of the body and curl's own status come last: where
# there was more than we read, they are missing, and nothing is wrong.
by_curl() {
  size='' rc=0
  { all=$({ rc=0; config | curl -q -K - -i 2>&1 || rc=$?; printf '\ncurl=%s' "$rc"; } | head -c "$((limit + 32768))"); } 2>/dev/null
  case $all in *"${nl}curl="[0-9] | *"${nl}curl="[0-9][0-9] | *"${nl}curl="[0-9][0-9][0-9])
    rc=${all##*"$nl"} all=${all%"$nl"*}
    rc=${rc#curl=} size=${all##*"${nl}size="} all=${all%"${nl}size="*} ;;
  esac
  case $rc in
    0 | 23) parts && untrailed; return ;; # 23: there was more than we read
  esac
  why=
  case $all in *"curl: ("*) why=${all##*"curl: ("} why=${why#*") "} why=${why%%"$nl"*} ;; esac
  case $rc in
    1 | 2 | 3 | 4 | 6 | 27 | 41 | 48 | 126 | 127) echo "${why:-curl ended with exit status $rc}"; return 3 ;;
  esac
  echo "${why:-no answer (curl says $rc)}"
  return 1
}
# parts parts the answer at the first empty line, however the server ends its lines. What it says before its answer is passed over.
# Only the beginning is searched: some shells take a second for a megabyte.
parts() {
  cr=$(printf '\r') body=$all
  while :; do
    _h=$(printf '%.32768s.' "$body")
    head=${_h%%"$nl$cr$nl"*} end=$nl$cr$nl
    case $head in *"$nl$nl"*) head=${head%%"$nl$nl"*} end=$nl$nl ;; esac
    [ "${#head}" -lt "${#_h}" ] || { echo 'the answer has no end of its headers'; return 1; }
    body=${body#"$head$end"}
    code=${head%%"$nl"*}
    case $code in HTTP/*' '[0-9][0-9][0-9]*) code=${code#* } code=${code%"${code#???}"} ;; *) code= ;; esac
    case $code in 10[0-9]) ;; *) return 0 ;; esac
  done
}
# untrailed takes from the body what curl shows behind it: headers that came last.
untrailed() {
  case $size in '' | *[!0-9]*) return 0 ;; esac
  [ "${#body}" -gt "$size" ] || return 0
  body=$(printf '%s' "$body" | head -c "$size"; echo .)
  body=${body%.}
}
ask() {
  code=
  if command -v curl >/dev/null 2>&1; then by_curl; else without_curl; fi || return
  [ -n "$code" ] || { echo 'the answer has no status'; return 1; }
  status "$code" || { echo "status $code, wanted $wanted_status"; return 1; }
  expectations
}
