# Plain parallel ssh: a process and a login for each host.
set -e
. "$BENCH_DATA/each.sh"
case $1 in
  micro) each "$BENCH_N" ssh {} true <"$BENCH_HOSTS" ;;
  noop) each "$BENCH_N" sh -c 'ssh {} sh -s noop "$BENCH_ID" "$BENCH_TAG" <"$BENCH_DATA/host.sh"' <"$BENCH_HOSTS" ;;
  full | delta) pack; each "$BENCH_N" sh -c "$send" <"$BENCH_HOSTS" ;;
  canary) pack; in_batches each "$BENCH_N" sh -c "$send" ;;
esac
