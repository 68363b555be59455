#!/bin/sh
# Measures the trace log and SQLite one after the other on the same disk, and prints both with the
# ratio (above 1: the trace log is better). Usage: benches/run.sh [<folder> [<traces to query>]]
set -eu
cd "$(dirname "$0")/.."
folder="${1:-${TMPDIR:-/tmp}}"
count="${2:-200000}"
ours=$(cargo run --quiet --release --example bench_append -- "$folder" "$count")
peer=$(python3 benches/peer_sqlite.py "$folder" "$count")
OURS="$ours" PEER="$peer" python3 - <<'PYTHON'
import json, os
ours, peer = json.loads(os.environ["OURS"]), json.loads(os.environ["PEER"])
print(f"{'':<28}{'trace log':>12}{'SQLite ' + peer['sqlite']:>16}{'ratio':>8}")
for name, value in ours.items():
    other = peer.get(name)
    higher_is_better = name.endswith("_per_s")
    ratio = "" if not other or name == "queried_traces" else (
        f"{(value / other if higher_is_better else other / value):.2f}")
    print(f"{name:<28}{value:>12,}{other if other is not None else '':>16}{ratio:>8}")
PYTHON
