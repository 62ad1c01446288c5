kept=$p/.shipit/relay-$run
# keep takes what is sent into a file before it is unpacked, so that it can be served.
keep() {
  rm -rf -- "$kept"
  (umask 077; mkdir -- "$kept" && data sh -c 'cat >"$1"' sh "$kept/parcel") || die "cannot keep the release for other hosts$(room); what runs is untouched"
  packed=$(cd -- "$kept" && pwd -P)/parcel
}
# serve lets who has the private half of PUBLIC read what was kept, and do nothing else, for SECS seconds at most.
serve() {
  case $packed in *[!A-Za-z0-9/._+-]*) echo "the path $packed has characters that authorized_keys cannot have"; return 1 ;; esac
  _until=$(date -d "@$(($(date +%s) + $2))" +%Y%m%d%H%M%S) || return 1
  (cd && keys " shipit-relay-$run\$" "restrict,expiry-time=\"$_until\",command=\"exec cat $packed\" $1 shipit-relay-$run")
}
# unserve ends that.
unserve() {
  (cd && [ ! -e .ssh/authorized_keys ] || keys " shipit-relay-$run\$") || return 1
  rm -rf -- "$kept"
}
# give says why nothing came from the relay, so that the deployer sends it.
give() {
  printf '%s\n' "$*"
  exit 67
}
# relayed fetches what a host nearby has kept, if it has SHA256.
relayed() { # USER HOST PORT SHA256
  command -v ssh >/dev/null 2>&1 || give "there is no ssh here"
  (umask 077; mkdir -- "$in.relay" && data sh -c 'cd -- "$1" && read -r l && printf "%s\n" "$l" >known && cat >key' sh "$in.relay") || give "the key did not arrive"
  _d=$(cd -- "$in.relay" && pwd -P)
  packed=$_d/parcel _n=0
  while
    clock
    [ "$_now" -lt "$end" ] || give "no end within $secs s of fetching from it"
    ! timeout --foreground -k 5 "$((end - _now))" ssh -F /dev/null -T -oBatchMode=yes -oIdentitiesOnly=yes -oIdentityAgent=none -oForwardAgent=no \
      -oStrictHostKeyChecking=yes -oUserKnownHostsFile="\"$_d/known\"" -oGlobalKnownHostsFile=/dev/null -oHostKeyAlias=shipit-relay \
      -oUpdateHostKeys=no -oConnectTimeout=10 -oServerAliveInterval=15 -i "$_d/key" -p "$3" -l "$1" -- "$2" </dev/null >"$packed" 2>"$_d/said"
  do
    _n=$((_n + 1))
    [ "$_n" -lt 3 ] && ! grep -q 'Permission denied' "$_d/said" || give "$(tail -n 1 "$_d/said" | cut -c 1-200)"
    sleep "$_n"
  done
  rm -f -- "$_d/key"
  [ "$(sha256sum <"$packed")" = "$4  -" ] || give "what it sent is not what the deployer packed"
}
