# Accuracy, calibration and certified cascade on Banking77 with the default recipes, through the command line.
source "$(dirname "$0")/environment.sh"
need banking77/train.csv
binary
work=$(mktemp -d "$folder/accuracy.XXXX")
trap 'rm -rf "$work"' EXIT
"$freehold" init "$work" --task ticket-triage >&2
cd "$work"
fh() { "$freehold" --quiet "$@"; }
fh data import ticket-triage "train=$data/banking77/train.csv" "test=$data/banking77/test.csv" --text text --label category >&2
fh train ticket-triage --trainer micro >&2
fh train ticket-triage --trainer encoder >&2
echo "Banking77 (10,003 train, 3,080 test; a fifth of train is held back for validation and calibration), seed 1, default recipes."
echo
echo '```text'
fh evaluate ticket-triage@candidate-micro | grep -v '^next'
fh evaluate ticket-triage@candidate-encoder --baseline ticket-triage@candidate-micro | grep -v '^next'
fh evaluate ticket-triage@candidate-encoder --int8 --baseline ticket-triage@candidate-encoder | grep -v '^next'
fh calibrate ticket-triage@candidate-micro ticket-triage@candidate-encoder | grep -v '^next'
echo '```'
