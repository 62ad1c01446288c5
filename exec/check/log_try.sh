t=$(mktemp -d) || { echo 'cannot make a temporary directory'; return 3; }
rc=0
look || rc=$?
rm -rf -- "$t"
return "$rc"
