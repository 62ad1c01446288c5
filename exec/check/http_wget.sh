# without_curl is by_curl with wget.
without_curl() {
  command -v wget >/dev/null 2>&1 || { echo 'neither curl nor wget is installed'; return 3; }
  one=-q
  case $(wget --help 2>&1) in
    *--max-redirect*) one='-nv -t 1 --max-redirect=0 --no-proxy --content-on-error' ;;
  esac
  [ "$insecure" = false ] || one="$one --no-check-certificate"
  # shellcheck disable=SC2086 # options, word by word
  wget -S -O - -T "$secs" $one -- "$url" 2>"$t/head" | head -c "$limit" | tr -d '\000' >"$t/body"
  ! grep -q '^ *HTTP/' "$t/head" || return 0
  why=$(tail -n 1 "$t/head")
  case $why in
    *'unable to resolve'* | *'bad address'* | *nrecognized* | *'nvalid option'*) echo "$why"; return 3 ;;
  esac
  echo "no answer: $why"
  return 1
}
