# Accuracy of the default recipes on all training rows of Banking77 and of CLINC150 in scope; then,
# with a fifth of Banking77's train held back, calibration and the certified cascade.
source "$(dirname "$0")/environment.sh"
need banking77/train.csv
need clinc150/data_full.json
tools python3; binary; scratch accuracy
# Every n-th row, and the epochs of the small model.
every=$(size 1 40) epochs=$(size "" "--epochs 1")
python3 - "$data" "$work" "$every" <<'P'
import csv, json, sys
data, work, every = sys.argv[1], sys.argv[2], int(sys.argv[3])
def write(name, rows):
    with open(f"{work}/{name}.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["text", "label"])
        out.writerows(rows[::every])
for split in ["train", "test"]:
    with open(f"{data}/banking77/{split}.csv", newline="", encoding="utf-8") as file:
        write(f"banking77-{split}", [(row["text"], row["category"]) for row in csv.DictReader(file)])
with open(f"{data}/clinc150/data_full.json", encoding="utf-8") as file:
    clinc = json.load(file)
for split in ["train", "val", "test"]:
    write(f"clinc150-{split}", clinc[split])
P
fh() { "$freehold" --quiet "$@"; }
portfolio() {
  "$freehold" init "$work/$1" --task "$1" >&2
  cd "$work/$1"
}
judge() {
  echo
  echo "**$1**"
  echo
  echo '```text'
  fh train "$2" --trainer micro >&2
  # shellcheck disable=SC2086 # no argument where nothing is said
  fh train "$2" --trainer encoder $epochs >&2
  fh evaluate "$2@candidate-micro" | grep -v '^next'
  fh evaluate "$2@candidate-encoder" --baseline "$2@candidate-micro" | grep -v '^next'
  fh evaluate "$2@candidate-encoder" --int8 --baseline "$2@candidate-encoder" | grep -v '^next'
  [ -z "${3:-}" ] || fh calibrate "$2@candidate-micro" "$2@candidate-encoder" | grep -v '^next'
  echo '```'
}
echo "Default recipes, seed 1, one training each: a recipe is chosen on validation rows only, and a test split is looked at once per line. Rows of train that nearly repeat a test row are dropped. Intervals are Wilson's at 95 %."
portfolio banking77
fh data import banking77 "train=$work/banking77-train.csv" "test=$work/banking77-test.csv" --validation 0 --calibration 0 >&2
judge "Banking77, all training rows, no validation: the last epoch is kept" banking77
portfolio clinc150
fh data import clinc150 "train=$work/clinc150-train.csv" "validation=$work/clinc150-val.csv" "test=$work/clinc150-test.csv" --calibration 0 >&2
judge "CLINC150 in scope, its own train, validation and test" clinc150
portfolio cascade
fh data import cascade "train=$work/banking77-train.csv" "test=$work/banking77-test.csv" >&2
judge "Banking77, a fifth of train held back for validation and calibration, and the certified cascade" cascade calibrated
