# history STATE RELEASE TAG COMMIT adds a line to the host's memory. run and by are set.
history() {
  mkdir -p -- "$p/.shipit"
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(date +%s)" "$run" "$1" "$2" "$by" "$3" "$4" >>"$p/.shipit/history"
}
