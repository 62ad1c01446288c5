# Ansible, tuned: a fork for each host, pipelining, kept connections, no facts.
set -e
export ANSIBLE_CONFIG="$BENCH_DATA/ansible/ansible.cfg" ANSIBLE_FORKS="$BENCH_N"
play() {
  ansible-playbook -i "$BENCH_HOSTS" "$BENCH_DATA/ansible/deploy.yml" -e "{\"tree\": \"$BENCH_TREE\", \"id\": \"$BENCH_ID\", \"old\": \"$BENCH_OLD_ID\", \"tag\": \"$BENCH_TAG\", \"batches\": [$1]}"
}
case $1 in
  micro) ansible all -i "$BENCH_HOSTS" -m raw -a true ;;
  canary) play "$(echo "$BENCH_BATCHES" | tr ' ' ',')" ;;
  *) play "$BENCH_N" ;;
esac
