# What the server adds: requests and processor time per request, with wrk, traces durable.
source "$(dirname "$0")/environment.sh"
tools wrk python3 awk
binary; scratch server
"$freehold" init "$work" --task ticket-triage >&2
cd "$work"
"$freehold" --quiet data import ticket-triage "$root/examples/ticket-triage/tickets.csv" >&2
"$freehold" --quiet train ticket-triage --trainer micro >&2
"$freehold" --quiet calibrate ticket-triage@candidate-micro >&2
"$freehold" --quiet models promote ticket-triage@candidate-micro --as micro --why bench >&2
"$freehold" serve --bind 127.0.0.1:0 >"$work/out" 2>"$work/log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
until grep -q listening "$work/out"; do
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
url=$(sed 's/listening on //' "$work/out")
cat >"$work/post.lua" <<'L'
wrk.method = "POST"
wrk.body = '{"inputs": ["you charged me two times for the same order"]}'
wrk.headers["Content-Type"] = "application/json"
L
# Processor time of the server, user and system, in clock ticks.
ticks() { awk '{print $14 + $15}' "/proc/$server/stat"; }
seconds=$(size 10 1)
for _ in $(seq "$rounds"); do
  for connections in 1 8 64; do
    before=$(ticks)
    wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$work/post.lua" "$url/v1/tasks/ticket-triage/predict" >"$work/wrk"
    after=$(ticks)
    python3 - "$work/wrk" "$((after - before))" "$(getconf CLK_TCK)" >>"$work/$connections.rounds" <<'P'
import json, re, sys
text, ticks, hertz = open(sys.argv[1]).read(), int(sys.argv[2]), int(sys.argv[3])
def find(pattern, otherwise=None):
    found = re.search(pattern, text)
    if found is None and otherwise is None:
        sys.exit(f"wrk did not say what was expected: {text}")
    return found[1] if found else otherwise
def ms(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
total = int(find(r"(\d+) requests in"))
print(json.dumps({
    "rate": float(find(r"Requests/sec:\s+(\S+)")), "p50": ms(find(r"50%\s+(\S+)")), "p99": ms(find(r"99%\s+(\S+)")),
    "cpu_us": 1e6 * ticks / hertz / max(total, 1), "errors": int(find(r"Non-2xx or 3xx responses: (\d+)", "0")), "requests": total,
}))
P
  done
done
echo "Micro model, one text per request, every trace synced to disk before its answer; $(wrk -v 2>&1 | head -1 | cut -d' ' -f1-2) on the same machine, ${seconds} s each. Medians of $rounds rounds; in brackets the least and the largest."
echo
echo "| connections | requests/s | p50 ms | p99 ms | CPU µs per request | requests | errors |"
echo "|---|---|---|---|---|---|---|"
PYTHONPATH=$root/benches python3 - "$work" <<'P'
import sys
from table import median, rounds
for connections in [1, 8, 64]:
    it = rounds(f"{sys.argv[1]}/{connections}.rounds")
    print(f"| {connections} | {median(it['rate'], '{:,.0f}')} | {median(it['p50'], '{:.2f}')} | {median(it['p99'], '{:.2f}')} | {median(it['cpu_us'], '{:.0f}')} | {sum(it['requests']):,} | {sum(it['errors'])} |")
P
