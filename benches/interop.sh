# The encoder beside transformers and peft, live: random models of every architecture, with and without adapters.
source "$(dirname "$0")/environment.sh"
peers; example models encoder_bench
"$python" "$root/crates/models/tests/interop.py" --bench "$program"
