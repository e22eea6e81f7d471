// Products a second that one core parses out of SNAP's dialect: lines already inflated and
// in memory, each into a v1::Product that is used again. Beside it, how fast ISA-L inflates
// the same catalogue on one core. Prints one JSON object.
//
//   bench_parse_snap metadata.json.gz [RUNS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "isa-l/igzip_lib.h"
#include "services/mannequin/ingest/snap_format.h"

namespace mannequin {
namespace {

double SecondsOf(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// All members of a gzip file; false when it is not one.
bool Inflate(const std::string& gzip, std::string* plain) {
  plain->clear();
  static inflate_state state;
  static std::vector<char> piece(1 << 20);
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  state.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(gzip.data()));
  state.avail_in = static_cast<uint32_t>(gzip.size());
  while (true) {
    state.next_out = reinterpret_cast<uint8_t*>(piece.data());
    state.avail_out = static_cast<uint32_t>(piece.size());
    if (isal_inflate(&state) != ISAL_DECOMP_OK) return false;
    plain->append(piece.data(), piece.size() - state.avail_out);
    if (state.block_state == ISAL_BLOCK_FINISH) {
      if (state.avail_in == 0) return true;
      isal_inflate_reset(&state);
      state.crc_flag = ISAL_GZIP;
    } else if (state.avail_in == 0 && state.avail_out != 0) {
      return false;
    }
  }
}

int Main(const std::string& path, int runs) {
  absl::StatusOr<std::string> gzip = ReadFile(path);
  std::string plain;
  if (!gzip.ok() || !Inflate(*gzip, &plain)) {
    std::fprintf(stderr, "bench_parse_snap: %s: cannot be read as gzip\n", path.c_str());
    return 1;
  }
  const std::vector<absl::string_view> lines = absl::StrSplit(plain, '\n', absl::SkipEmpty());

  SnapFormat format;
  v1::Product product;
  RecordError error;
  size_t products = 0;
  std::string again;
  std::vector<double> parse_seconds;
  std::vector<double> inflate_seconds;
  for (int run = 0; run < runs; ++run) {
    products = 0;
    parse_seconds.push_back(SecondsOf([&] {
      for (const absl::string_view line : lines) products += format.Parse(line, &product, &error);
    }));
    inflate_seconds.push_back(SecondsOf([&] { Inflate(*gzip, &again); }));
  }
  if (products != lines.size()) {
    std::fprintf(stderr, "bench_parse_snap: %zu of %zu lines were refused, the last: %s\n", lines.size() - products,
                 lines.size(), error.what.c_str());
    return 1;
  }
  const double seconds = Median(parse_seconds);
  const double megabytes = static_cast<double>(plain.size()) / 1e6;
  const double inflate_rate = megabytes / Median(inflate_seconds);
  std::puts(absl::StrFormat("{\"products_per_second\": %.0f, \"note\": \"one core, %zu inflated lines into a "
                            "Product, median of %d; %.0f MB/s, %.0f %% of ISA-L's inflate (%.0f MB/s)\"}",
                            static_cast<double>(products) / seconds, products, runs, megabytes / seconds,
                            100 * megabytes / seconds / inflate_rate, inflate_rate)
                .c_str());
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  int runs = 21;
  if (argc < 2 || argc > 3 || (argc == 3 && (!absl::SimpleAtoi(argv[2], &runs) || runs < 1))) {
    std::fputs("usage: bench_parse_snap metadata.json.gz [RUNS]\n", stderr);
    return 2;
  }
  return mannequin::Main(argv[1], runs);
}
