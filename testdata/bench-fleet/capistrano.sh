# Capistrano with its git plugin: the hosts fetch from a git daemon on the deployer.
set -e
case $1 in
  prepare) exec git daemon --detach --reuseaddr --export-all --base-path="$(dirname "$BENCH_REPO")" --listen="$BENCH_DEPLOYER" ;;
esac
cd "$BENCH_DATA/capistrano"
export GIT_CONFIG_NOSYSTEM=1
case $1 in
  micro) cap fleet micro ;;
  noop) cap fleet noop ;;
  *) cap fleet deploy ;;
esac
