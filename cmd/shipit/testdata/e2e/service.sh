#!/bin/sh
# service NAME ACTION, for hosts that share the machine's /etc.
script=${0%/*}/../etc/init.d/$1
[ -x "$script" ] || { echo "$1: unrecognized service"; exit 1; }
exec "$script" "$2"
