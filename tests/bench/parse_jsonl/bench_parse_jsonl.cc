// Products a second that one core reads out of JSON lines in memory, each into a v1::Product
// that is used again; beside it simdjson walking the same fields (reference.h). The lines are
// the fashion catalogue's products as `jsonl` or dressed up as records of `amazon-2023`.
// Prints one JSON object; processor time of the thread, medians.
//
//   bench_parse_jsonl metadata.json.gz jsonl|amazon-2023 [RUNS]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/model/derived_attributes.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/export/catalog_writer.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/line_reader.h"
#include "services/mannequin/ingest/snap_format.h"
#include "tests/bench/parse_jsonl/reference.h"

namespace mannequin {
namespace {

constexpr size_t kPadding = 64;

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// A record as the dump of 2023 has them: the product's fields and what the dump adds.
std::string AmazonLine(const v1::Product& product) {
  const std::string picture = absl::StrCat("https://m.media-amazon.example/images/I/", product.id());
  nlohmann::ordered_json record;
  record["main_category"] = product.category_path_size() > 0 ? product.category_path(0) : "";
  record["title"] = product.title();
  record["average_rating"] = 4.6;
  record["rating_number"] = 16;
  record["features"] = {"Machine Wash", "Imported", "Pull On closure", product.title() + " \"as shown\""};
  record["description"] = {product.title() + " for every day.\nEasy to care for."};
  record["price"] = 14.99;
  for (const char* variant : {"MAIN", "PT01", "PT02"}) {
    record["images"].push_back({{"thumb", picture + "._AC_US40_.jpg"},
                                {"large", picture + "._AC_.jpg"},
                                {"variant", variant},
                                {"hi_res", picture + "._AC_UL1500_.jpg"}});
  }
  record["videos"] = nlohmann::ordered_json::array();
  record["store"] = product.brand();
  record["categories"] = std::vector<std::string>(product.category_path().begin(), product.category_path().end());
  record["details"] = {{"Package Dimensions", "10.31 x 8.5 x 1.73 inches; 14.82 Ounces"},
                       {"Item model number", product.id()},
                       {"Department", "mens"},
                       {"Color", "Navy Blue"},
                       {"Date First Available", "April 2, 2020"}};
  record["parent_asin"] = product.id();
  record["bought_together"] = nullptr;
  return record.dump();
}

absl::StatusOr<std::vector<std::string>> Lines(const std::string& path, bool amazon) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
  if (!source.ok()) return source.status();
  LineReader reader(**source, {});
  const std::unique_ptr<CatalogWriter> writer = NewJsonlWriter();
  SnapFormat snap;
  v1::Product product;
  RecordError error;
  LineChunk chunk;
  std::vector<std::string> lines;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&chunk);
    if (!more.ok()) return more.status();
    if (!*more) return lines;
    for (const absl::string_view line : absl::StrSplit(chunk.text, '\n', absl::SkipEmpty())) {
      if (!snap.Parse(line, &product, &error)) continue;
      DeriveAttributes(&product);
      std::string& written = lines.emplace_back();
      if (amazon) {
        written = AmazonLine(product);
      } else if (const absl::Status status = writer->Append(product, &written); !status.ok()) {
        return status;
      } else {
        written.pop_back();  // the line's end
      }
    }
  }
}

int Main(const std::string& path, const std::string& name, int runs) {
  const bool amazon = name == "amazon-2023";
  const absl::StatusOr<std::vector<std::string>> lines = Lines(path, amazon);
  if (!lines.ok() || lines->empty()) {
    std::fprintf(stderr, "bench_parse_jsonl: %s: %s\n", path.c_str(), std::string(lines.status().message()).c_str());
    return 1;
  }
  std::string text;
  std::vector<std::pair<size_t, size_t>> places;
  for (const std::string& line : *lines) {
    places.emplace_back(text.size(), line.size());
    absl::StrAppend(&text, line, "\n");
  }
  const size_t bytes = text.size();
  text.append(kPadding, ' ');

  const std::unique_ptr<RecordFormat> format = *NewRecordFormat(name);
  ReferenceWalker reference;
  v1::Product product;
  RecordError error;
  size_t accepted = 0, walked = 0;
  std::vector<double> ours, theirs;
  for (int run = 0; run < runs; ++run) {
    accepted = walked = 0;
    double begin = ThreadSeconds();
    for (const auto& [at, size] : places) {
      accepted += format->Parse(absl::string_view(text.data() + at, size), &product, &error);
    }
    ours.push_back(ThreadSeconds() - begin);
    begin = ThreadSeconds();
    for (const auto& [at, size] : places) walked += reference.Walk(text.data() + at, size, amazon) > 0;
    theirs.push_back(ThreadSeconds() - begin);
  }
  if (accepted != places.size() || walked != places.size()) {
    std::fprintf(stderr, "bench_parse_jsonl: of %zu lines %zu were products (the last fault: %s), %zu were JSON\n",
                 places.size(), accepted, error.what.c_str(), walked);
    return 1;
  }
  const double products = static_cast<double>(places.size());
  std::puts(absl::StrFormat("{\"products_per_second\": %.0f, \"reference_per_second\": %.0f, \"note\": \"one core, %d "
                            "lines of %.0f bytes into a Product, median of %d; %.0f MB/s\"}",
                            products / Median(ours), products / Median(theirs), static_cast<int>(places.size()),
                            static_cast<double>(bytes) / products, runs,
                            static_cast<double>(bytes) / 1e6 / Median(ours))
                .c_str());
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  int runs = 21;
  const std::string name = argc > 2 ? argv[2] : "";
  if (argc < 3 || argc > 4 || (name != "jsonl" && name != "amazon-2023") ||
      (argc == 4 && (!absl::SimpleAtoi(argv[3], &runs) || runs < 1))) {
    std::fputs("usage: bench_parse_jsonl metadata.json.gz jsonl|amazon-2023 [RUNS]\n", stderr);
    return 2;
  }
  return mannequin::Main(argv[1], name, runs);
}
