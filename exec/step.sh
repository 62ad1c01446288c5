# history STATE RELEASE TAG COMMIT adds a line to the host's memory. run and by are set.
history() {
  [ -d "$p/.shipit" ] || mkdir -p -- "$p/.shipit"
  today
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$today" "$run" "$1" "$2" "$by" "$3" "$4" >>"$p/.shipit/history"
}
# drained marks that the host is out of service from before the drain until after its pair: who finds the mark can put it back.
drained() {
  [ -d "$p/.shipit" ] || mkdir -p -- "$p/.shipit"
  today
  printf '%s\t%s\n' "$today" "$run" >"$p/.shipit/.drained"
  mv -f -- "$p/.shipit/.drained" "$p/.shipit/drained"
}
