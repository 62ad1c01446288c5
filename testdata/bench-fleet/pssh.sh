# pssh: its rsync with hard links to what is there, then its ssh.
set -e
all="-h $BENCH_HOSTS -p $BENCH_N -t 0"
rsync() { parallel-rsync $all -a -x "--checksum --link-dest=../$BENCH_OLD_ID $*" "$BENCH_TREE/" "/srv/app/releases/$BENCH_ID/"; }
script() { parallel-ssh $all -I "sh -s $1 $BENCH_ID $BENCH_TAG" <"$BENCH_DATA/host.sh"; }
case $1 in
  micro) parallel-ssh $all true ;;
  noop) rsync --dry-run && script noop ;;
  *) rsync && script switch ;;
esac
