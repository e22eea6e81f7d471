// How often what is derived from a title agrees with the shop's own words for the product
// (styles.csv: gender, baseColour), of how many titles something is derived, and what it
// costs. Titles, brands and categories are those of the catalogue. Prints one JSON object;
// with DISAGREEMENTS the titles of the cases that do not agree on standard error.
//
// A colour agrees when it is the shop's, or a shade of it as its own words go ("dark grey"
// of Grey, Navy Blue of blue), or one of the shop's shades that carry no colour's name
// (kShadeOf below). `exact` counts the first case only.
//
//   bench_derive_attributes metadata.json.gz styles.csv [DISAGREEMENTS]
#include <time.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/base/file.h"
#include "common/model/derived_attributes.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/line_reader.h"
#include "services/mannequin/ingest/snap_format.h"

namespace mannequin {
namespace {

struct Truth {
  std::string gender;
  std::string color;
};

struct Score {
  int derived = 0;
  int agree = 0;
  int exact = 0;
  double precision() const { return derived == 0 ? 0 : static_cast<double>(agree) / derived; }
};

const std::map<std::string, std::string>& ShadeOf() {
  static const auto* const kShadeOf = new std::map<std::string, std::string>{
      {"burgundy", "red"}, {"charcoal", "grey"},     {"maroon", "red"}, {"navy blue", "blue"},
      {"olive", "green"},  {"grey melange", "grey"}, {"tan", "brown"},  {"turquoise", "blue"}};
  return *kShadeOf;
}

// "dark grey" -> "grey", "Off White" -> "white", "maroon" -> "red".
std::string Family(const std::string& color) {
  const auto shade = ShadeOf().find(color);
  if (shade != ShadeOf().end()) return shade->second;
  const size_t space = color.rfind(' ');
  return space == std::string::npos ? color : color.substr(space + 1);
}

const std::string* Derived(const v1::Product& product, absl::string_view name) {
  for (const v1::Attribute& attribute : product.attributes()) {
    if (attribute.derived() && attribute.name() == name) return &attribute.value();
  }
  return nullptr;
}

absl::flat_hash_map<std::string, Truth> ReadStyles(const std::string& csv) {
  // id,gender,masterCategory,subCategory,articleType,baseColour,...: no quotes so far.
  absl::flat_hash_map<std::string, Truth> truths;
  for (const absl::string_view line : absl::StrSplit(csv, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (cells.size() < 10) continue;
    truths[cells[0]] = {absl::AsciiStrToLower(cells[1]), absl::AsciiStrToLower(cells[5])};
  }
  return truths;
}

absl::StatusOr<std::vector<v1::Product>> ReadCatalog(const std::string& path) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
  if (!source.ok()) return source.status();
  LineReader lines(**source, {});
  std::vector<v1::Product> products;
  SnapFormat format;
  RecordError error;
  LineChunk chunk;
  while (true) {
    const absl::StatusOr<bool> more = lines.Next(&chunk);
    if (!more.ok()) return more.status();
    if (!*more) return products;
    for (const absl::string_view line : absl::StrSplit(chunk.text, '\n', absl::SkipEmpty())) {
      v1::Product product;
      if (format.Parse(line, &product, &error)) products.push_back(std::move(product));
    }
  }
}

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Processor time for a title. The products are in the cache, as they are behind a parser:
// a few at a time, looked at once before.
double NanosecondsATitle(std::vector<v1::Product>& products) {
  constexpr size_t kBlock = 200;
  double seconds = 0;
  for (size_t begin = 0; begin < products.size(); begin += kBlock) {
    const auto block = absl::MakeSpan(products).subspan(begin, kBlock);
    for (const bool measured : {false, true}) {
      for (v1::Product& product : block) product.clear_attributes();
      const double start = ThreadSeconds();
      for (v1::Product& product : block) DeriveAttributes(&product);
      if (measured) seconds += ThreadSeconds() - start;
    }
    for (v1::Product& product : block) product.clear_attributes();
  }
  return seconds * 1e9 / static_cast<double>(products.size());
}

int Main(const std::string& catalog, const std::string& styles, int disagreements) {
  absl::StatusOr<std::vector<v1::Product>> products = ReadCatalog(catalog);
  const absl::StatusOr<std::string> csv = ReadFile(styles);
  if (!products.ok() || !csv.ok()) {
    const absl::Status& status = products.ok() ? csv.status() : products.status();
    std::fprintf(stderr, "bench_derive_attributes: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  const absl::flat_hash_map<std::string, Truth> truths = ReadStyles(*csv);
  for (v1::Product& product : *products) product.clear_attributes();
  const double nanoseconds = NanosecondsATitle(*products);

  Score color, gender;
  std::map<std::string, int> others;
  int known = 0;
  for (v1::Product& product : *products) {
    DeriveAttributes(&product);
    for (const char* name : {"material", "size"}) others[name] += Derived(product, name) != nullptr;
    const auto truth = truths.find(product.id());
    if (truth == truths.end()) continue;
    ++known;
    const auto count = [&](Score& score, absl::string_view name, const std::string& right, bool family) {
      const std::string* const value = Derived(product, name);
      if (value == nullptr) return;
      const bool agree = *value == right || (family && Family(*value) == Family(right));
      ++score.derived;
      score.exact += *value == right;
      score.agree += agree;
      if (!agree && disagreements-- > 0) {
        std::fprintf(stderr, "%s, the shop says %s: %s\n", value->c_str(), right.c_str(), product.title().c_str());
      }
    };
    count(color, "color", truth->second.color, true);
    count(gender, "gender", truth->second.gender, false);
  }
  std::puts(
      absl::StrFormat("{\"titles\": %d, \"color_precision\": %.4f, \"color_exact\": %.4f, \"color_coverage\": %.3f, "
                      "\"gender_precision\": %.4f, \"gender_coverage\": %.3f, \"materials\": %d, \"sizes\": %d, "
                      "\"nanoseconds_a_title\": %.0f}",
                      known, color.precision(), static_cast<double>(color.exact) / std::max(color.derived, 1),
                      static_cast<double>(color.derived) / std::max(known, 1), gender.precision(),
                      static_cast<double>(gender.derived) / std::max(known, 1), others["material"], others["size"],
                      nanoseconds)
          .c_str());
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  int disagreements = 0;
  if (argc < 3 || argc > 4 || (argc == 4 && !absl::SimpleAtoi(argv[3], &disagreements))) {
    std::fputs("usage: bench_derive_attributes metadata.json.gz styles.csv [DISAGREEMENTS]\n", stderr);
    return 2;
  }
  return mannequin::Main(argv[1], argv[2], disagreements);
}
