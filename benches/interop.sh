# The encoder beside transformers and peft, live: random models of every architecture, with and without adapters;
# then models that are trained here, in transformers, peft and sentence-transformers, and back.
source "$(dirname "$0")/environment.sh"
peers; base; example models encoder_bench
bench=$program
"$python" "$root/crates/models/tests/interop.py" --bench "$bench"
example training finetune
tiny=$root/crates/training/tests/golden
"$python" "$root/crates/training/tests/interop/check.py" --finetune "$program" --bench "$bench" \
  --csv "$root/examples/ticket-triage/tickets.csv" "$tiny"/{bert,distilbert,modernbert,roberta} "$base"
