#!/usr/bin/env bash
# Seconds an epoch of 15,800 pictures (128 pixels, preset tacgan, 64 maps, batch 64) by the number of devices, and how
# busy the CPUs are: the prototype's table. Devices are the GPUs, or processes on the CPU where there are none.
set -euo pipefail
. "$BENCH_LIB"
. "$(dirname "$BENCH_LIB")/lib_suite.sh"
rows=15800 steps=${GAN_EPOCH_STEPS:-60}
start_suite
device=cpu most=2
if command -v nvidia-smi >/dev/null && gpus=$(nvidia-smi -L 2>/dev/null | wc -l) && [ "$gpus" -gt 0 ]; then
  device=cuda most=$gpus
fi
table=""
for count in $(seq "$most"); do
  job=$(suite --output json train start --detach --preset tacgan --features 64 --batch $((64 / count * count)) --steps "$steps" \
    --max-products 2000 --judge-steps -1 --devices "$device" --nproc "$count")
  job=$(field id "$job")
  # Between the 10th step and the last.
  row=$(python3 - "$SUITE_ADMIN" "$job" "$steps" $((64 / count * count)) "$rows" "$BENCH_BIN/mannequin" --server "$SUITE" <<'PY'
import json, re, subprocess, sys, time, urllib.request
admin, job, steps, batch, rows, *command = sys.argv[1:]
steps, batch, rows = int(steps), int(batch), int(rows)
def step():
    text = urllib.request.urlopen(f"http://{admin}/metrics").read().decode()
    found = re.search(r'^mannequin_trainer_step\{[^}]*' + job + r'[^}]*\} (\S+)', text, re.M)
    return float(found.group(1)) if found else 0
def cpu():
    fields = [float(f) for f in open("/proc/stat").readline().split()[1:]]
    return sum(fields) - fields[3] - fields[4], sum(fields)
def state():
    listed = subprocess.run(command + ["--output", "json", "train", "list"], capture_output=True, text=True).stdout
    return next((line["state"] for line in map(json.loads, listed.splitlines()) if line["id"] == job), "")
begin = first = None
seen = time.time()
deadline = time.time() + 1800
while time.time() < deadline:
    now = step()
    if now >= 10 and begin is None:
        begin, first, busy = time.time(), now, cpu()
    if begin is not None and now >= steps - 5:
        seconds, after = time.time() - begin, cpu()
        rate = (now - first) * batch / seconds
        print(f"{rows / rate:.0f} {100 * (after[0] - busy[0]) / (after[1] - busy[1]):.0f}")
        break
    if time.time() - seen > 5:
        seen = time.time()
        if state() == "JOB_STATE_FAILED":
            break
    time.sleep(0.1)
PY
  )
  [ -n "$row" ] || bench_fail "the training on $count devices did not get to its end"
  suite train watch "$job" >&2
  table="$table$count ${device}: ${row% *} s, CPUs ${row#* } % busy; "
  echo "$count x $device: ${row% *} s an epoch, CPUs ${row#* } % busy" >&2
  if [ "$count" = 1 ]; then one=${row% *}; fi
done
print_figure "$one" s "" "none: a figure to compare with the prototype's" lower \
  "${table}the prototype's: GTX 1070 95 s, a DGX's GPU 36 s, two 33, three 27, four 25, image I/O bound"
