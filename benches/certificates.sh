# Do certificates keep their word? 200 random splits of held-out answers, beside the plug-in rule.
source "$(dirname "$0")/environment.sh"
need banking77/train.csv
tools python3
example training micro_bench; bench=$program
example routing validity; scratch certificates
# Two tiers from the same trainer: one that has seen a quarter of these examples, one that has seen all.
python3 "$root/benches/micro_peer.py" pool "$data/banking77" "$work" "$(size 1 8)" >&2
python3 - "$work" <<'P'
import json, sys
train = json.load(open(f"{sys.argv[1]}/train.json"))
json.dump(train[::4], open(f"{sys.argv[1]}/less.json", "w"))
P
"$bench" "$work/less.json" "$work/test.json" "$work/cheap.json" >"$work/cheap.figures"
"$bench" "$work/train.json" "$work/test.json" "$work/dear.json" >"$work/dear.figures"
repeats=$(size 200 20)
for calibration in $(size "1000 2000" "300"); do
  for tiers in "cheap" "dear" "cheap dear"; do
    files=$(for tier in $tiers; do echo "$work/$tier.json"; done)
    # shellcheck disable=SC2086 # one file a tier
    "$program" "$calibration" "$repeats" $files >>"$work/reports"
    echo "$tiers" >>"$work/names"
  done
done
python3 - "$work" <<'P'
import json, sys
work = sys.argv[1]
figures = {tier: json.load(open(f"{work}/{tier}.figures")) for tier in ["cheap", "dear"]}
reports = [json.loads(line) for line in open(f"{work}/reports")]
names = open(f"{work}/names").read().splitlines()
share = lambda it: f"{100 * it['estimate']:.1f} % ({100 * it['low']:.1f}–{100 * it['high']:.1f})"
right = {tier: f"{100 * it['right'] / it['n']:.1f} %" for tier, it in figures.items()}
print(f"{reports[0]['pool_examples']:,} held-out answers of Banking77 by two micro models (cheap: {right['cheap']} right, dear: {right['dear']}), "
      f"α = δ = 0.05. In each of {reports[0]['repeats']} random splits a rule sees the calibration rows, and all other rows judge it: "
      "did more than α of the answers that it keeps turn out wrong? A certificate may fail in at most 5 % of the splits. "
      "Wilson's intervals at 95 % over the splits.\n")
print("| tiers | calibration rows | splits that exceed α: certified | plug-in rule | kept: certified | plug-in | error of kept: certified | plug-in | judge's standard error |")
print("|---|---|---|---|---|---|---|---|---|")
for name, it in zip(names, reports):
    own, peer = it["certified"], it["plug_in"]
    kept = lambda rule: f"{100 * sum(rule['kept']):.1f} %"
    print(f"| {name.replace(' ', ' → ')} | {it['calibration_examples']:,} | {share(own['exceeded'])} | {share(peer['exceeded'])} | "
          f"{kept(own)} | {kept(peer)} | {100 * own['error']:.2f} % | {100 * peer['error']:.2f} % | {100 * it['judge_standard_error']:.2f} points |")
P
