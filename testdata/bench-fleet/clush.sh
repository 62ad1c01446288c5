# ClusterShell: it hands its standard input to all hosts, which is faster than its copy (scp, file by file).
set -e
. "$BENCH_DATA/each.sh"
all="--hostfile=$BENCH_HOSTS -f $BENCH_N -S -q -l deploy"
case $1 in
  micro) clush $all -n true ;;
  noop) clush $all "sh -s noop $BENCH_ID $BENCH_TAG" <"$BENCH_DATA/host.sh" ;;
  *) pack; clush $all "set -- full $BENCH_ID $BENCH_TAG
$SCRIPT" <"$PACK" ;;
esac
