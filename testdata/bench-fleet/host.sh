# What a home-made deploy does on a host, for all contestants that bring no way of their own:
#   full ID TAG          unpack a whole release from standard input, and switch
#   delta ID TAG OLD RM  the same from a copy of OLD, without the files RM, and what stands in standard input
#   switch ID TAG        activate, restart, wait for the new version
#   is|noop ID TAG OLD   is OLD (ID) live, and does it answer?
set -e
what=$1 id=$2 tag=$3 old=${4-}
cd /srv/app
serves() { curl -fs http://127.0.0.1:8080/_info | grep -q "\"version\":\"$1\""; }
settle() {
  [ ! -e "releases/$id" ] || rm -rf "releases/$id"
  mv -T "releases/.new-$id" "releases/$id"
}
activate() {
  ln -sfn "releases/$id" .next
  mv -T .next current
  sudo -n service app restart
  n=0
  until serves "$tag"; do
    n=$((n + 1))
    [ "$n" -lt 200 ]
    sleep 0.05
  done
}
case $what in
  full)
    rm -rf "releases/.new-$id"
    mkdir -p "releases/.new-$id"
    tar -xf - -C "releases/.new-$id"
    settle
    activate
    ;;
  delta)
    rm -rf "releases/.new-$id"
    cp -al "releases/$old" "releases/.new-$id"
    (cd "releases/.new-$id" && rm -f -- $5 && tar -xf -)
    settle
    activate
    ;;
  switch) activate ;;
  is) [ "$(readlink current)" = "releases/$old" ] ;;
  noop) [ "$(readlink current)" = "releases/$id" ] && serves "$tag" ;;
  *) exit 2 ;;
esac
