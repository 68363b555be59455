# Importing a million rows from CSV, with duplicates grouped and splits made, beside pandas, which only reads.
source "$(dirname "$0")/environment.sh"
peers; example curation throughput
rows=1000000 file=$folder/rows.csv
[ -f "$file" ] || "$program" generate "$rows" "$file" >&2
versions=$(mktemp -d "$folder/versions.XXXX")
trap 'rm -rf "$versions"' EXIT
measure() { python3 - "$@" <<'P'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{used.ru_utime + used.ru_stime:.1f} {used.ru_maxrss / 1024:.0f}")
P
}
read -r own_cpu own_rss < <(measure "$program" import "$file" "$versions")
read -r peer_cpu peer_rss < <(measure "$python" -c "import pandas, sys; frame = pandas.read_csv(sys.argv[1]); frame = frame.drop_duplicates('text'); print(len(frame))" "$file")
echo "| 1 M rows, $(du -m "$file" | cut -f1) MB of CSV | CPU s | rows per CPU s | peak RSS |"
echo "|---|---|---|---|"
echo "| freehold: read, check, near-duplicates (MinHash, verified), split, Parquet | $own_cpu | $(python3 -c "print(round($rows/$own_cpu))") | $own_rss MB |"
echo "| pandas: read, exact duplicates only | $peer_cpu | $(python3 -c "print(round($rows/$peer_cpu))") | $peer_rss MB |"
