# Encoder inference beside ONNX Runtime.
source "$(dirname "$0")/environment.sh"
need banking77/test.csv
peers; base; example models encoder_bench
"$python" "$root/crates/models/tests/bench_ort.py" --base "$base" --csv "$data/banking77/test.csv" \
  --train "$data/banking77/train.csv" --bench "$program"
