# Encoder inference beside ONNX Runtime: f32 and dynamic int8, each on the raw and on the optimised export.
source "$(dirname "$0")/environment.sh"
need banking77/test.csv
need banking77/train.csv
peers; base; example models encoder_bench
versions torch transformers onnx onnxruntime
echo
"$python" "$root/crates/models/tests/bench_ort.py" --base "$base" --csv "$data/banking77/test.csv" \
  --train "$data/banking77/train.csv" --bench "$program" --rounds "$rounds" --every "$(size 1 60)" \
  --train-every "$(size 1 20)"
