#!/usr/bin/env bash
# Builds the targets with clang's libFuzzer, AddressSanitizer and UBSan and runs each for
# FUZZ_SECONDS. What crashes is kept in build-fuzz/findings.
#
#   tests/fuzz/run.sh [NAME...]     # all targets without arguments
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${FUZZ_SECONDS:-600}
jobs=${JOBS:-$(nproc)}

clang=""
for name in clang++ clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14; do
  command -v "$name" >/dev/null && clang=$name && break
done
if [ -z "$clang" ]; then
  echo "make fuzz: clang is missing; install clang (Debian: clang-14 and libclang-rt-14-dev). make test runs the same" \
    "targets for a few seconds each with any compiler" >&2
  exit 1
fi
if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
  "$clang" -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null; then
  echo "make fuzz: $clang has no libFuzzer; install its runtime (Debian: libclang-rt-14-dev)" >&2
  exit 1
fi

cmake --preset fuzz -DCMAKE_CXX_COMPILER="$clang" -DCMAKE_C_COMPILER="${clang/++/}" --log-level=WARNING
targets=("$@")
if [ $# -eq 0 ]; then
  for file in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$file" _fuzz.cc)"); done
fi
cmake --build build-fuzz -j "$jobs" --target "${targets[@]/#/fuzz_}"

status=0
mkdir -p build-fuzz/findings
for name in "${targets[@]}"; do
  mkdir -p "build-fuzz/corpus/$name"
  echo "fuzz: $name for $seconds s"
  # Leaks inside of libraries at exit are no finding; a crash, a hang or a breach of memory is.
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 "build-fuzz/fuzz/fuzz_$name" \
    -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=3072 -print_final_stats=1 \
    -artifact_prefix="build-fuzz/findings/$name-" "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name" \
    >"build-fuzz/findings/$name.log" 2>&1 || { status=1; echo "fuzz: $name FAILED:"; }
  tail -n 12 "build-fuzz/findings/$name.log"
done
exit $status
