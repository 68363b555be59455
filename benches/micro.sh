# The micro model beside linear models on n-grams in scikit-learn, and fastText where its wheel fits this Python.
source "$(dirname "$0")/environment.sh"
need banking77/train.csv
peers; example training micro_bench; scratch micro
"$python" "$root/benches/micro_peer.py" texts "$data/banking77" "$work" "$(size 1 20)" >&2
fasttext=fasttext
"$python" -c 'import fasttext' 2>/dev/null || fasttext=
for _ in $(seq "$rounds"); do
  RAYON_NUM_THREADS=1 "$program" "$work/train.json" "$work/test.json" >>"$work/own"
  for peer in tfidf hashing $fasttext; do
    OMP_NUM_THREADS=1 "$python" "$root/benches/micro_peer.py" "$peer" "$work/train.json" "$work/test.json" >>"$work/$peer"
  done
done
echo "Banking77, default settings, one thread each: word 1–2-grams and character 2–4-grams in every row. $(conditions) Accuracy with Wilson's interval at 95 %. $([ -n "$fasttext" ] || echo 'fastText is missing: there is no wheel of it for this Python.') $(versions scikit-learn numpy)${fasttext:+ fastText 0.9.2.}"
echo
PYTHONPATH=$root/benches "$python" - "$work" <<'P'
import sys
from table import median, rounds, wilson
print("| | training CPU s | model file MB | texts/s | texts per CPU s | accuracy |")
print("|---|---|---|---|---|---|")
names = {"own": "freehold micro", "fasttext": "fastText, 50 epochs, n-grams as above, 200,000 buckets", "tfidf": "TfidfVectorizer + LogisticRegression", "hashing": "HashingVectorizer (2 × 2¹⁶) + LogisticRegression"}
import os
for key, name in names.items():
    if not os.path.exists(f"{sys.argv[1]}/{key}"):
        continue
    it = rounds(f"{sys.argv[1]}/{key}")
    size = median([b / 1e6 for b in it["bytes"][:1]], "{:.1f}")
    print(f"| {name} | {median(it['train_cpu_s'], '{:.1f}')} | {size} | {median(it['texts_per_s'], '{:,.0f}')} | {median(it['texts_per_cpu_s'], '{:,.0f}')} | {wilson(it['right'][0], it['n'][0])} |")
P
