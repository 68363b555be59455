# Importing a million rows from CSV, with duplicates grouped and splits made, beside pandas, which only reads.
source "$(dirname "$0")/environment.sh"
peers; example curation throughput; scratch import
rows=$(size 1000000 20000) file=$folder/rows-$(size 1000000 20000).csv
[ -f "$file" ] || { "$program" generate "$rows" "$file.part" >&2; mv "$file.part" "$file"; }
# One line of JSON: processor seconds and peak memory of a command.
measure() { python3 - "$@" <<'P'
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss / 1024}))
P
}
for round in $(seq "$rounds"); do
  measure "$program" import "$file" "$work/$round" >>"$work/own"
  measure "$python" -c "import pandas, sys; frame = pandas.read_csv(sys.argv[1]); frame = frame.drop_duplicates('text'); print(len(frame))" "$file" >>"$work/peer"
done
echo "$rows generated rows, $(du -m "$file" | cut -f1) MB of CSV. $(conditions) $(versions pandas)"
echo
echo "| | CPU s | rows per CPU s | peak RSS MB |"
echo "|---|---|---|---|"
PYTHONPATH=$root/benches python3 - "$work" "$rows" <<'P'
import sys
from table import median, rounds
work, rows = sys.argv[1], int(sys.argv[2])
for key, name in [("own", "freehold: read, check, near-duplicates (MinHash, verified), split, Parquet"), ("peer", "pandas: read, exact duplicates only")]:
    it = rounds(f"{work}/{key}")
    print(f"| {name} | {median(it['cpu'], '{:.1f}')} | {median([rows / cpu for cpu in it['cpu']], '{:,.0f}')} | {median(it['rss'], '{:.0f}')} |")
P
