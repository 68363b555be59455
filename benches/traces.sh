# Trace append and query beside SQLite, on the same disk.
source "$(dirname "$0")/environment.sh"
tools python3
example traces bench_append; scratch traces
count=$(size 200000 5000)
for _ in $(seq "$rounds"); do
  "$program" "$work" "$count" >>"$work/own"
  python3 "$root/crates/traces/benches/peer_sqlite.py" "$work" "$count" >>"$work/peer"
done
PYTHONPATH=$root/benches python3 - "$work" "$count" "$rounds" <<'P'
import sys
from statistics import median as middle
from table import median, rounds
own, peer = rounds(f"{sys.argv[1]}/own"), rounds(f"{sys.argv[1]}/peer")
print(f"{int(sys.argv[2]):,} traces for the queries, 3 s for each number of appenders; medians of {sys.argv[3]} rounds, both sides alternating, in brackets the least and the largest. "
      f"Peer: SQLite {peer['sqlite'][0]}, WAL, synchronous=FULL. Wall time: this is about waiting for the disk.\n")
print("| | trace log | SQLite | ratio |")
print("|---|---|---|---|")
for name, mine in own.items():
    if name == "queried_traces":
        continue
    theirs = peer.get(name)
    form = "{:,.0f}" if name.endswith("_per_s") else "{:.2f}"
    if theirs is None or theirs[0] is None:
        print(f"| {name.replace('_', ' ')} | {median(mine, form)} | – | – |")
        continue
    better = middle(mine) / middle(theirs) if name.endswith("_per_s") else middle(theirs) / middle(mine)
    print(f"| {name.replace('_', ' ')} | {median(mine, form)} | {median(theirs, form)} | {better:.2f} |")
P
