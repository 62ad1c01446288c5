# The same with Mitogen's strategy.
export ANSIBLE_STRATEGY=mitogen_linear ANSIBLE_STRATEGY_PLUGINS=/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy
. "$BENCH_DATA/ansible.sh"
