#!/bin/sh
# pool in|out|status: whether the load balancer sends requests to this host.
# The lab has no load balancer; the answer is kept in the file "pool".
file=${0%/*}/../pool
case $1 in
  in | out) echo "$1" >"$file.new" && mv "$file.new" "$file" ;;
  status) cat "$file" ;;
  *) echo 'usage: pool in|out|status' >&2; exit 2 ;;
esac
