# The usual home-made script: rsync with hard links to what is there, then ssh. By checksum, because the files of two
# releases have the same size and time.
set -e
. "$BENCH_DATA/each.sh"
switch='rsync -a --checksum --link-dest="../$BENCH_OLD_ID" "$BENCH_TREE/" {}:"/srv/app/releases/$BENCH_ID/" &&
ssh {} sh -s switch "$BENCH_ID" "$BENCH_TAG" <"$BENCH_DATA/host.sh"'
case $1 in
  micro) each "$BENCH_N" ssh {} true <"$BENCH_HOSTS" ;;
  noop)
    each "$BENCH_N" sh -c 'test -z "$(rsync -a --checksum --dry-run --itemize-changes "$BENCH_TREE/" {}:"/srv/app/releases/$BENCH_ID/")" &&
ssh {} sh -s noop "$BENCH_ID" "$BENCH_TAG" <"$BENCH_DATA/host.sh"' <"$BENCH_HOSTS"
    ;;
  full | delta) each "$BENCH_N" sh -c "$switch" <"$BENCH_HOSTS" ;;
  canary) in_batches each "$BENCH_N" sh -c "$switch" ;;
esac
