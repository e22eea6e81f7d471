#!/usr/bin/env bash
# Do dashboards, alerts and autoscalers ask for what the services say? Runs the main job on a small
# sample with a real Prometheus that scrapes it, then every query of deploy/ against it: an error,
# or the name of a metric that no service has, fails; so does a panel that never had data. The
# alerts' own tests are run first. Exit status 77 where Prometheus is not installed.
#
#   tests/system/observability.sh [BIN]      default: build/bin
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(realpath "${1:-build/bin}")
for program in prometheus promtool curl; do
  command -v $program >/dev/null || { echo "observability.sh: not checked: $program is not installed" >&2; exit 77; }
done

promtool check rules deploy/alerts/mannequin.rules.yaml
promtool test rules deploy/alerts/mannequin.test.yaml

folder=$(mktemp -d "${TMPDIR:-/tmp}/observability-XXXXXX")
started=()
cleanup() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_it() {  # SECONDS COMMAND...
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || { echo "observability.sh: in vain: $*" >&2; cat "$folder"/*.log >&2; exit 1; }
    sleep 0.3
  done
}
get() { curl -sf -o /dev/null --max-time 5 "$@"; }

server=$(free_port) admin=$(free_port) console=$(free_port) store=$(free_port) store_admin=$(free_port) prometheus=$(free_port)
# The shipped configuration, with this machine's targets in place of the cluster's pods.
{
  sed -n '1,/^    kubernetes_sd_configs/p' deploy/prometheus.yaml | sed -e '$d' -e 's/_interval: .*/_interval: 1s/' \
    -e "s|alerts/|$PWD/deploy/alerts/|"
  echo "    static_configs: [{targets: ['127.0.0.1:$admin', '127.0.0.1:$store_admin']}]"
} >"$folder/prometheus.yaml"
promtool check config "$folder/prometheus.yaml"
prometheus --config.file="$folder/prometheus.yaml" --storage.tsdb.path="$folder/series" \
  --web.listen-address="127.0.0.1:$prometheus" >"$folder/prometheus.log" 2>&1 &
started+=($!)
until_it 60 get "http://127.0.0.1:$prometheus/-/ready"

# A store that backs itself up and wants to know who calls, as in production.
"$bin/mannequin" token new --role operator --name test 2>&1 >"$folder/token" | grep '^tokens {' >"$folder/tokens.textproto"
printf 'backup { folder: "%s/backups" every_minutes: 1 }\nserver { access { tokens_file: "%s/tokens.textproto" } }\n' \
  "$folder" "$folder" >"$folder/store.textproto"
"$bin/mannequin-store" --config "$folder/store.textproto" --data "$folder/store" --listen "127.0.0.1:$store" \
  --admin-listen "127.0.0.1:$store_admin" >"$folder/store.log" 2>&1 &
started+=($!)

# Catalogue, crawl, trainings, verdicts; small, so the pictures are nobody's pride.
"$bin/mannequin" demo --products 160 --train-seconds 2 --data "$folder/demo" --listen "127.0.0.1:$server" \
  --admin-listen "127.0.0.1:$admin" --console-listen "127.0.0.1:$console" --exit >"$folder/demo.log" 2>&1 ||
  { cat "$folder/demo.log" >&2; exit 1; }

# With the shipped bundle: placeholders, cards, reviews, and more listings at once than there is time for.
"$bin/mannequin" up --data "$folder/data" --listen "127.0.0.1:$server" --admin-listen "127.0.0.1:$admin" \
  --console-listen "127.0.0.1:$console" >"$folder/up.log" 2>&1 &
started+=($!)
until_it 120 get "http://127.0.0.1:$admin/readyz"
mannequin() { "$bin/mannequin" --server "127.0.0.1:$server" "$@" >>"$folder/commands.log" 2>&1; }
cat >"$folder/listings.jsonl" <<'LISTINGS'
{"id":"P1","title":"Black leather handbag","category_path":["Handbags"]}
{"id":"P2","title":"Blue cotton shirt","category_path":["Shirts"]}
LISTINGS
mannequin ingest "$folder/listings.jsonl"
mannequin placeholders make
mannequin placeholders approve P2
mannequin generate --title "Red boot" --category Nothing --category-card --out "$folder/cards" || true
mannequin generate --title "Black leather handbag" --category Handbags -n 1 --out "$folder/pictures"
mannequin score "$folder"/pictures/*.png --title "Black leather handbag" --category Handbags --keep --id P1
mannequin score "$folder"/pictures/*.png --title "Black leather handbag" --category Handbags
mannequin generate --title "Blue cotton shirt" --category Shirts -n 1 --size 512 --out "$folder/blurred"
mannequin score "$folder"/blurred/*.png --title "Blue cotton shirt" --category Shirts
mannequin score review P1 --decision abuse --reason placeholder --reviewer test
picture=$(base64 -w0 "$folder"/pictures/*.png)
refused() {
  local calls=()
  for i in $(seq 32); do
    curl -s -o /dev/null --max-time 20 -H 'Content-Type: application/json' -H 'Connect-Timeout-Ms: 50' -d \
      "{\"product\":{\"title\":\"Shirt $RANDOM $i\",\"categoryPath\":[\"Shirts\"]},\"image\":\"$picture\"}" \
      "http://127.0.0.1:$console/mannequin.v1.AbuseScorer/ScoreListing" &
    calls+=($!)
  done
  wait "${calls[@]}" || true
  curl -s "http://127.0.0.1:$admin/metrics" | grep -q 'mannequin_scorer_refused_total{'
}
until_it 60 refused
until_it 90 get "http://127.0.0.1:$store_admin/readyz"
if "$bin/mannequin" --server "127.0.0.1:$store" ingest "$folder/listings.jsonl" >>"$folder/commands.log" 2>&1; then
  echo "observability.sh: a store with tokens took a change from nobody" >&2
  exit 1
fi
sleep 3  # three scrapes more

python3 tests/system/queries.py "http://127.0.0.1:$prometheus"
