#!/usr/bin/env bash
# Ten times more requests than the scorer can answer, sent at an even rate that waits for nobody: verdicts in
# time, as a share of what it answers when its callers wait; three and five times beside it. The load shares the
# cores, and yields to the server.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
note=""
for times in 3 5 10; do
  ours=$(score overload --network shipped --callers 64 --times "$times" --deadline-ms 250)
  note="$note${note:+; }$times times: share $(field share "$ours"), $(field goodput "$ours") of $(field offered "$ours") a second in time,"
  note="$note capacity $(field capacity "$ours"), accepted p50/p99 $(field p50_ms "$ours")/$(field p99_ms "$ours") ms"
  note="$note of $(field deadline_ms "$ours"), $(field refused "$ours") refused, $(field late "$ours") late"
done
print_figure "$(field share "$ours")" "share of capacity" "" "none" higher "$note"
