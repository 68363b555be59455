# What the server adds: requests and processor time per request, with wrk, traces durable.
source "$(dirname "$0")/environment.sh"
command -v wrk >/dev/null || { echo "wrk is missing (Debian: apt-get install wrk)" >&2; exit 1; }
binary
work=$(mktemp -d "$folder/server.XXXX")
"$freehold" init "$work" --task ticket-triage >&2
cd "$work"
"$freehold" --quiet data import ticket-triage "$root/examples/ticket-triage/tickets.csv" >&2
"$freehold" --quiet train ticket-triage --trainer micro >&2
"$freehold" --quiet calibrate ticket-triage@candidate-micro >&2
"$freehold" --quiet models promote ticket-triage@candidate-micro --as micro --why bench >&2
"$freehold" serve --bind 127.0.0.1:0 >"$work/out" 2>"$work/log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
until grep -q listening "$work/out"; do kill -0 "$server" || exit 1; sleep 0.1; done
url=$(sed 's/listening on //' "$work/out")
cat >"$work/post.lua" <<'L'
wrk.method = "POST"
wrk.body = '{"inputs": ["you charged me two times for the same order"]}'
wrk.headers["Content-Type"] = "application/json"
L
# Processor time of the server, user and system, in clock ticks.
ticks() { awk '{print $14 + $15}' "/proc/$server/stat"; }
echo "Micro model, one text per request, every trace synced to disk before its answer; wrk on the same machine."
echo
echo "| connections | requests/s | p50 | p99 | CPU per request | errors |"
echo "|---|---|---|---|---|---|"
for connections in 1 8 64; do
  before=$(ticks)
  wrk -t1 -c"$connections" -d10s --latency -s "$work/post.lua" "$url/v1/tasks/ticket-triage/predict" >"$work/wrk"
  after=$(ticks)
  python3 - "$work/wrk" "$connections" "$((after - before))" "$(getconf CLK_TCK)" <<'P'
import re, sys
text, connections, ticks, hertz = open(sys.argv[1]).read(), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
find = lambda pattern: (re.search(pattern, text) or [None, "?"])[1]
total = int(find(r"(\d+) requests in"))
errors = find(r"Non-2xx or 3xx responses: (\d+)").replace("?", "0")
print(f"| {connections} | {find(r'Requests/sec:\s+(\S+)')} | {find(r'50%\s+(\S+)')} | {find(r'99%\s+(\S+)')} | {1e6 * ticks / hertz / max(total, 1):.0f} µs | {errors} |")
P
done
