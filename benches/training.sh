# A fine-tuning epoch of MiniLM on Banking77 beside PyTorch and PEFT: the same batches, one thread each.
source "$(dirname "$0")/environment.sh"
need banking77/train.csv
peers; base; example training step_bench; scratch training
steps=$(size 25 2) epoch_tokens=162186
"$python" "$root/benches/training_peer.py" batches "$base" "$data/banking77/train.csv" "$work/batches.json" >&2
for method in full lora; do
  for _ in $(seq "$rounds"); do
    "$program" "$base" "$work/batches.json" "$method" "$steps" 0.1 1 | tail -1 >>"$work/$method.own"
    "$python" "$root/benches/training_peer.py" measure "$base" "$work/batches.json" "$method" "$steps" >>"$work/$method.peer"
  done
done
echo "MiniLM-L6 on Banking77: $steps steps of 32 texts after three of warm-up, dropout 0.1, AdamW, embeddings frozen, one thread each; scaled to an epoch of $epoch_tokens tokens. $(conditions) $(versions torch transformers peft)"
echo
echo "| | freehold CPU s/epoch | PyTorch CPU s/epoch | ratio | freehold peak MB | PyTorch peak MB | ratio |"
echo "|---|---|---|---|---|---|---|"
PYTHONPATH=$root/benches "$python" - "$work" "$epoch_tokens" <<'P'
import re, sys
from table import median, ratio, rounds
work, epoch = sys.argv[1], int(sys.argv[2])
for method in ["full", "lora"]:
    own = open(f"{work}/{method}.own").read().splitlines()
    own = [re.search(r"(\d+) tokens, ([\d.]+) cpu-s.*VmHWM:\s*(\d+)\s*kB", line).groups() for line in own]
    mine = [float(cpu) / int(tokens) * epoch for tokens, cpu, _ in own]
    peak = [int(kb) / 1024 for *_, kb in own]
    peer = rounds(f"{work}/{method}.peer")
    theirs = [cpu / tokens * epoch for cpu, tokens in zip(peer["cpu_s"], peer["tokens"])]
    print(f"| {method} | {median(mine, '{:.0f}')} | {median(theirs, '{:.0f}')} | {ratio(mine, theirs)} | {median(peak, '{:.0f}')} | {median(peer['peak_mb'], '{:.0f}')} | {ratio(peak, peer['peak_mb'])} |")
P
