# Trace append and query beside SQLite.
source "$(dirname "$0")/environment.sh"
echo '```text'
sh "$root/crates/traces/benches/run.sh" "$folder"
echo '```'
