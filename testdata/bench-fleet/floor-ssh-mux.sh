# The same over connections that are open already: what a kept connection is worth.
set -e
mux="-o ControlMaster=auto -o ControlPath=/root/.ssh/mux-%h -o ControlPersist=60"
. "$BENCH_DATA/each.sh"
send="ssh $mux ${send#ssh}"
case $1 in
  prepare) each "$BENCH_N" ssh $mux {} true <"$BENCH_HOSTS" ;;
  micro) each "$BENCH_N" ssh $mux {} true <"$BENCH_HOSTS" ;;
  noop) each "$BENCH_N" sh -c "ssh $mux"' {} sh -s noop "$BENCH_ID" "$BENCH_TAG" <"$BENCH_DATA/host.sh"' <"$BENCH_HOSTS" ;;
  full | delta) pack; each "$BENCH_N" sh -c "$send" <"$BENCH_HOSTS" ;;
  canary) pack; in_batches each "$BENCH_N" sh -c "$send" ;;
esac
