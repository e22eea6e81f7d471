#!/usr/bin/env bash
# What RPC, queues and bookkeeping cost: processor time of the scorer a request, over decoding and judging the
# same pictures in one process, sixteen at a time.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_score.sh"
ours=$(score overhead --network shipped --callers 16)
note="$(field served_cpu_ms "$ours") ms of processor time a request, bare $(field bare_cpu_ms "$ours") ms"
note="$note; $(field served_per_second "$ours") requests/s with their callers on the same cores, bare $(field bare_per_second "$ours")"
print_figure "$(field overhead_percent "$ours")" % "" "decode and forward" lower "$note"
