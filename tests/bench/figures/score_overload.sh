#!/usr/bin/env bash
# Ten times more requests than the scorer can answer, sent at an even rate that waits for nobody: verdicts in
# time, as a share of what it answers when its callers wait. The load shares the cores, and yields to the server.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
ours=$(score overload --network shipped --callers 64 --times 10 --deadline-ms 250)
note="$(field goodput "$ours") of $(field offered "$ours") a second in time, capacity $(field capacity "$ours")"
note="$note; accepted p50/p99 $(field p50_ms "$ours")/$(field p99_ms "$ours") ms of $(field deadline_ms "$ours")"
note="$note; $(field refused "$ours") refused, $(field late "$ours") late"
print_figure "$(field share "$ours")" "share of capacity" "" "none" higher "$note"
