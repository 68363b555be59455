#!/usr/bin/env bash
# The whole loop on support tickets: import, train, prove, register, serve, correct, again.
# Uses Banking77 (Casanueva et al. 2020, CC BY 4.0) where FREEHOLD_DATA points at it or its
# publisher can be reached, otherwise the tickets of an invented shop that stand beside this file.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
freehold=${FREEHOLD:-freehold}
python=${PYTHON:-python3}
out=${DEMO_OUT:-$here/../../demo-out}
port=${DEMO_PORT:-8741}
url=http://127.0.0.1:$port

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() { printf '$ freehold %s\n' "$*"; "$freehold" "$@"; }

find_data() {
  local published=$out/published data=${FREEHOLD_DATA:-$here/../../../shared/data}
  if [ -f "$data/banking77/train.csv" ]; then
    folder=$data/banking77
  else
    mkdir -p "$published"
    local from=https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/57ec275d8078/banking_data
    for name in train test; do
      curl --silent --fail --connect-timeout 5 --max-time 60 -o "$published/$name.csv" "$from/$name.csv" || return 1
    done
    folder=$published
  fi
  test_file=$folder/test.csv
  files=("train=$folder/train.csv" "test=$folder/test.csv")
  origin="Banking77 (CC BY 4.0)"
  right=declined_card_payment
}

rm -rf "$out" && mkdir -p "$out"
out=$(cd "$out" && pwd)
if ! find_data; then
  test_file=$here/tickets.csv
  files=("$here/tickets.csv")
  origin="the invented tickets shipped with Freehold"
  right=payment_failed
fi

step "1. A portfolio with one task"
run init "$out/portfolio" --name "Demo" --task ticket-triage
cd "$out/portfolio"

step "2. Data: $origin"
run data import ticket-triage "${files[@]}" --text text --label category --licence "$origin"

step "3. Train a micro model (seconds) and a small one (minutes)"
run train ticket-triage --trainer micro
run train ticket-triage --trainer encoder

step "4. Prove: evaluate both on the test split, the small one against the micro one"
run evaluate ticket-triage@candidate-micro --html "$out/micro.html"
run evaluate ticket-triage@candidate-encoder --baseline ticket-triage@candidate-micro --html "$out/small.html"

step "5. Calibrate and certify the cascade micro -> small -> human"
run calibrate ticket-triage@candidate-micro ticket-triage@candidate-encoder

step "6. Register and promote, with lineage"
run models promote ticket-triage@candidate-micro --as micro --why "first micro model"
run models promote ticket-triage@candidate-encoder --as champion --why "first small model"
run models lineage ticket-triage@champion

step "7. Serve"
"$freehold" serve --bind "127.0.0.1:$port" >"$out/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  curl --silent --fail "$url/readyz" >/dev/null && break
  kill -0 "$server" 2>/dev/null || { cat "$out/serve.log"; exit 1; }
  sleep 0.2
done
echo "an application with the OpenAI client:"
"$python" "$here/ask.py" "$url" \
  "I still have not received my new card, I ordered over a week ago." \
  "Why was I charged twice for the same payment?" \
  "What is the meaning of life?"
echo "curl, natively:"
reply=$(curl --silent --fail "$url/v1/tasks/ticket-triage/predict" -H 'Content-Type: application/json' \
  -d '{"inputs": ["my card payment was declined at the checkout"]}')
echo "  $reply"
echo "300 more, one after the other:"
"$python" "$here/load.py" "$url" "$test_file" 300

step "8. A correction, and what waits for people"
trace=$("$python" -c 'import json,sys; print(json.loads(sys.argv[1])["results"][0]["trace_id"])' "$reply")
curl --silent --fail "$url/v1/feedback" -H 'Content-Type: application/json' \
  -d "{\"trace_id\": \"$trace\", \"kind\": \"correction\", \"labels\": [\"$right\"]}"
echo
run review list --task ticket-triage --limit 5
waiting=$("$freehold" review list --task ticket-triage --limit 50 --json | "$python" -c 'import json,sys; print(next((it["trace"] for it in json.load(sys.stdin) if "meaning of life" in it["text"]), ""))')
if [ -n "$waiting" ]; then run review settle "$waiting" --out-of-scope --by "demo"; fi
run traces tail --lines 3
run traces sql "select tier, count(*) as answers, round(avg(confidence), 3) as mean_confidence from traces group by tier order by answers desc"
run data append ticket-triage

step "9. What the head of department reads"
run report ticket-triage --html "$out/report.html"
echo "the whole report: file://$out/report.html"
