# A fine-tuning epoch of MiniLM on Banking77 beside PyTorch and PEFT: the same batches, one thread each.
source "$(dirname "$0")/environment.sh"
need banking77/train.csv
peers; base; example training step_bench
steps=25 epoch_tokens=162186
"$python" "$root/benches/training_peer.py" batches "$base" "$data/banking77/train.csv" "$folder/batches.json" >&2
echo "25 steps of 32 texts after three of warm-up, dropout 0.1, AdamW, embeddings frozen, one thread; scaled to an epoch of $epoch_tokens tokens."
echo
echo "| | freehold CPU s/epoch | PyTorch CPU s/epoch | ratio | freehold peak | PyTorch peak |"
echo "|---|---|---|---|---|---|"
for method in full lora; do
  own=$("$program" "$base" "$folder/batches.json" "$method" "$steps" 0.1 1 | tail -1)
  peer=$("$python" "$root/benches/training_peer.py" measure "$base" "$folder/batches.json" "$method" "$steps")
  "$python" - "$method" "$own" "$peer" "$epoch_tokens" <<'P'
import json, re, sys
method, own, peer, epoch = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
tokens, cpu = re.search(r"(\d+) tokens, ([\d.]+) cpu-s", own).groups()
peak = int(re.search(r"VmHWM:\s+(\d+) kB", own)[1]) / 1024
mine, theirs = float(cpu) / int(tokens) * epoch, peer["cpu_s"] / peer["tokens"] * epoch
print(f"| {method} | {mine:.0f} | {theirs:.0f} | {theirs / mine:.2f} | {peak:.0f} MB | {peer['peak_mb']:.0f} MB |")
P
done
