# What the shell's contestants share.

# each N COMMAND… runs a command for each host of the input, N at a time; {} is the host.
each() { n=$1; shift; xargs -P "$n" -I {} "$@"; }

# in_batches COMMAND… gives the hosts to a command batch by batch.
in_batches() {
  at=1
  for size in $BENCH_BATCHES; do
    sed -n "$at,$((at + size - 1))p" "$BENCH_HOSTS" | "$@"
    at=$((at + size))
  done
}

# pack makes the archive of the release once, with the script before it that takes it.
pack() {
  export PACK="$PWD/release.tar" SCRIPT
  tar -C "$BENCH_TREE" -cf "$PACK" .
  SCRIPT=$(cat "$BENCH_DATA/host.sh")
}
send='ssh {} "set -- full $BENCH_ID $BENCH_TAG
$SCRIPT" <"$PACK"'
