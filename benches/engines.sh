# Always answers: requests answered while an engine fails 30 %, stalls 5 % and truncates 5 % of its
# calls and one is healthy, and whether the cost in the traces is what the engines billed.
source "$(dirname "$0")/environment.sh"
tools python3
binary; scratch engines
cd "$work"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
for it in "first 1 .30 .05 .05" "second 2 .30 .05 .05" "steady 3 0 0 0"; do
  read -r name arguments <<<"$it"
  python3 "$root/benches/engines_unreliable.py" $arguments >"$work/$name" &
  pids+=($!)
done
until [ -s first ] && [ -s second ] && [ -s steady ]; do sleep 0.1; done
cat >freehold.toml <<T
[portfolio]
name = "soak"
[serve]
default_data_class = "internal"
[engines.shaky]
protocol = "vllm"
url = ["http://127.0.0.1:$(cat first)/v1", "http://127.0.0.1:$(cat second)/v1"]
clearance = "internal"
timeouts = { first_token_ms = 4000, between_tokens_ms = 4000, total_ms = 6000 }
[engines.steady]
protocol = "vllm"
url = "http://127.0.0.1:$(cat steady)/v1"
clearance = "internal"
[models.m]
engine = "shaky"
tier = "mid"
provider = "own"
fallback = ["good"]
price = { currency = "EUR", input_per_million = 1.0, output_per_million = 2.0, as_of = "2026-11-01", source = "made up" }
[models.good]
engine = "steady"
upstream = "m"
tier = "mid"
provider = "own"
price = { currency = "EUR", input_per_million = 3.0, output_per_million = 5.0, as_of = "2026-11-01", source = "made up" }
T
"$freehold" serve --bind 127.0.0.1:0 >out 2>log &
server=$!; pids+=($server)
until grep -q listening out; do kill -0 "$server" || { cat log >&2; exit 1; }; sleep 0.1; done
url=$(sed 's/listening on //' out)
for form in whole streamed; do
  python3 "$root/benches/engines_soak.py" "$url" m "$(size 10000 400)" 48 "$form" >>soaked
done
kill "$server"; wait "$server" || true
"$freehold" --json traces sql "SELECT sum(cost_picos) AS picos, count(*) AS answers FROM generations" >paid
"$freehold" --json traces sql "SELECT t['model'] AS model, t['basis'] AS basis, count(*) AS tries, sum(t['input_tokens']) AS input, sum(t['output_tokens']) AS output, sum(t['cost_picos']) AS picos FROM (SELECT unnest(tries) AS t FROM generations) GROUP BY 1, 2 ORDER BY 1, 2" >tries
for name in first second steady; do
  python3 -c "import sys,urllib.request;print(urllib.request.urlopen('http://127.0.0.1:$(cat $name)/bill').read().decode())" >"$name.bill"
done
PYTHONPATH=$root/benches python3 - <<'P'
import json
from table import wilson
print("Two replicas of one engine fail 30 %, stall 5 % and cut 5 % of their calls; a third engine is healthy and the fallback; 48 requests at once.")
print()
print("| answers | answered |")
print("|---|---|")
with open("soaked", encoding="utf-8") as file:
    for one in map(json.loads, file):
        print(f"| {one['form']} | {wilson(one['answered'], one['requests'])} |")
bills = {it: json.load(open(f"{it}.bill")) for it in ("first", "second", "steady")}
price = {"first": (1_000_000, 2_000_000), "second": (1_000_000, 2_000_000), "steady": (3_000_000, 5_000_000)}
billed = sum(bill["input_tokens"] * price[it][0] + bill["output_tokens"] * price[it][1] for it, bill in bills.items())
paid = int(json.load(open("paid"))["rows"][0][0])
calls = sum(bill["calls"] for bill in bills.values())
steady = bills["steady"]["answered"]
print()
print(f"{calls:,} calls reached the engines, {steady:,} of the answers came from the healthy one. Billed for all of them: {billed / 1e12:.6f} EUR; in the traces: {paid / 1e12:.6f} EUR ({'equal to the last digit' if billed == paid else 'NOT equal'}).")
P
