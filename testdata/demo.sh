#!/bin/sh
# The main job of shipit in half a minute, on a lab of four hosts on this
# machine: demo.sh SHIPIT. It prints what it does and what a user would type.
set -eu

bin=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/shipit-demo.XXXXXX")
XDG_STATE_HOME=$dir/state
XDG_CACHE_HOME=$dir/cache
export XDG_STATE_HOME XDG_CACHE_HOME

bold='' off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') off=$(printf '\033[0m'); fi

cleanup() {
  "$bin" lab down --dir "$dir/lab" >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$off"; }

# try WANTED ARGS… shows a command, runs it, and insists on its exit code.
try() {
  want=$1; shift
  printf '%s$ shipit %s%s\n' "$bold" "$*" "$off"
  code=0
  "$bin" "$@" || code=$?
  if [ "$code" != "$want" ]; then
    printf 'demo: shipit %s ended with %s, not with %s\n' "$1" "$code" "$want" >&2
    exit 1
  fi
  [ "$code" = 0 ] || printf '%s(exit code %s)%s\n' "$bold" "$code" "$off"
}

cd "$dir"
say "Four hosts with an SSH server, a small web service and a git repository, all on loopback."
try 0 lab up
printf '%s$ cd lab%s\n' "$bold" "$off"
cd lab

say "hello.hcl describes the service: its hosts, its releases, in which order they change, how they are checked."
try 0 validate hello.hcl

say "The first release: apply shows the plan (and asks, without --yes). In column 0: + is new, ~ changes, = stays as it is. Then it changes the canary, and the rest in halves; each host is checked before the next ones start."
try 0 apply hello.hcl --release release/2015-06-10/1 --yes
try 0 status hello.hcl

say "A newer release. Planning changes nothing. The plan is saved, a colleague could review it ('shipit show'), and exactly this is applied, or refused if a host has changed since."
try 0 plan hello.hcl --release release/2015-06-12/1 --out next.shipit-plan.json
try 0 apply next.shipit-plan.json

say "The same again changes nothing: no host is drained, nothing restarts."
try 0 apply hello.hcl --release release/2015-06-12/1 --yes

say "A release that is broken: its health check fails on the canary for 10 seconds. The canary goes back by itself, the other hosts never run it, and the exit code is 4."
try 4 apply hello.hcl --release release/2015-06-15/1 --yes
try 0 status hello.hcl

say "The deployer is killed in the middle of a run. The journal and the hosts know where it was: another process goes on with it, or takes it back."
printf '%s$ shipit apply hello.hcl --release release/2015-06-15/1 --yes >../said & sleep 2; kill -9 $!%s\n' "$bold" "$off"
"$bin" apply hello.hcl --release release/2015-06-15/1 --yes >../said 2>&1 &
deployer=$!
tries=0
until grep -q 'batch canary: lab1' ../said; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || { cat ../said >&2; exit 1; }
  sleep 0.1
done
sleep 1
kill -9 "$deployer"
wait "$deployer" 2>/dev/null || true
try 0 runs
try 0 rollback "$("$bin" runs | awk 'NR == 2 { print $1 }')" --yes

say "Back to an older release, from what the hosts still hold: no git, no registry."
try 0 rollback hello.hcl --to release/2015-06-10/1 --yes

say "Which releases are there, and where is each of them?"
try 0 releases hello.hcl

say "That was it. The lab goes away."
cd "$dir"
try 0 lab down
say "Try it by hand: 'bin/shipit lab up', then edit lab/hello.hcl and plan again."
