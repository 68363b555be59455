# What the gateway adds to a model elsewhere, beside a bare proxy and two public gateways.
#
# Needs wrk, Python with venv and npm; the peers are installed into the benchmarks' own folder.
source "$(dirname "$0")/environment.sh"
tools wrk python3 npm node
binary
example engines upstream; upstream_program=$program
example engines floor; floor_program=$program
scratch gateway
litellm=$folder/litellm
[ -x "$litellm/bin/litellm" ] || { python3 -m venv "$litellm" && "$litellm/bin/pip" install --quiet --disable-pip-version-check 'litellm[proxy]' >&2; }
portkey=$folder/portkey
[ -d "$portkey/node_modules/@portkey-ai/gateway" ] || npm install --silent --no-fund --no-audit --prefix "$portkey" @portkey-ai/gateway >&2

processes=()
trap 'kill "${processes[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$work"' EXIT
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# Waits until an address answers at all.
await() { # NAME URL PID
  until curl -s -o "$work/await" "$2"; do
    kill -0 "$3" 2>/dev/null || { echo "$1 ended:" >&2; tail -20 "$work/$1.log" >&2; exit 1; }
    sleep 0.2
  done
}
start() { # NAME COMMAND…: its process number goes to `started`
  local name=$1; shift
  "$@" >"$work/$name.log" 2>&1 &
  started=$!; processes+=("$started")
}

upstream=$(port); start upstream "$upstream_program" "$upstream"; await upstream "http://127.0.0.1:$upstream/v1/models" "$started"
floor=$(port); start floor "$floor_program" "$floor" "http://127.0.0.1:$upstream"; await floor "http://127.0.0.1:$floor/" "$started"; floor_process=$started

# Freehold with all it does: a key that is checked and counted, a rule for what leaves, exact cost,
# an audit record and a durable trace for each request.
mkdir "$work/freehold"
cat >"$work/freehold/freehold.toml" <<T
[portfolio]
name = "bench"
[serve]
default_data_class = "internal"
[engines.still]
protocol = "openai"
url = "http://127.0.0.1:$upstream/v1"
network = "own"
key = "\${STILL_KEY}"
clearance = "internal"
[models.still]
tier = "frontier"
provider = "nobody"
engine = "still"
price = { currency = "USD", input_per_million = 2.5, output_per_million = 10.0, as_of = "2026-11-01", source = "made up" }
T
export STILL_KEY=sk-nothing
cd "$work/freehold"
mkdir -p .freehold
key=$("$freehold" --json keys add bench | python3 -c 'import json, sys; print(json.load(sys.stdin)["secret"])')
freehold_port=$(port)
start freehold "$freehold" serve --bind "0.0.0.0:$freehold_port"; freehold_process=$started
await freehold "http://127.0.0.1:$freehold_port/healthz" "$freehold_process"

litellm_port=$(port)
cat >"$work/litellm.yaml" <<Y
model_list:
  - model_name: still
    litellm_params: {model: openai/still, api_base: "http://127.0.0.1:$upstream/v1", api_key: sk-nothing}
Y
LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY=true LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_MODE=PRODUCTION LITELLM_LOG=ERROR NO_DOCS=True \
  start litellm "$litellm/bin/litellm" --config "$work/litellm.yaml" --host 127.0.0.1 --port "$litellm_port" --num_workers 1
litellm_process=$started; await litellm "http://127.0.0.1:$litellm_port/health/liveliness" "$started"
portkey_port=$(port)
NODE_ENV=production start portkey node "$portkey/node_modules/@portkey-ai/gateway/build/start-server.js" --headless "--port=$portkey_port"
portkey_process=$started; await portkey "http://127.0.0.1:$portkey_port/" "$started"

# The same request to each; `stream` is put in for the second kind.
cat >"$work/post.lua" <<L
wrk.method = "POST"
wrk.body = '{"model": "still", "messages": [{"role": "user", "content": "' .. string.rep("What is the same? ", 16) .. '"}], "max_tokens": 256}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer $key"
wrk.headers["x-portkey-provider"] = "openai"
wrk.headers["x-portkey-custom-host"] = "http://127.0.0.1:$upstream/v1"
L
seconds=$(size 5 2)
PYTHONPATH=$root/benches python3 "$root/benches/gateway_load.py" "$work" "$seconds" "$rounds" "$key" \
  "direct=$upstream:0" "floor=$floor:$floor_process" "freehold=$freehold_port:$freehold_process" \
  "portkey=$portkey_port:$portkey_process" "litellm=$litellm_port:$litellm_process"
echo
echo "$([ "$profile" = dev ] && echo "Freehold, floor and upstream are development builds. ")Upstream: an axum server with one fixed answer of 1.3 kB. freehold: a key checked, a rule applied, an audit record and a durable trace for each request, exact cost. floor: axum and reqwest, nothing else. litellm $("$litellm/bin/pip" show litellm 2>/dev/null | awk '/^Version/ {print $2}') with one worker, no database, no keys; @portkey-ai/gateway $(node -p "require('$portkey/node_modules/@portkey-ai/gateway/package.json').version") without keys. $(wrk -v 2>&1 | head -1 | cut -d' ' -f1-2), one thread, ${seconds} s each, all on the same machine."
