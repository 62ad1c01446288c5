exec python3 "$BENCH_DATA/fabric_deploy.py" "$1"
