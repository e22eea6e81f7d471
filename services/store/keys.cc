#include "services/store/keys.h"

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mannequin::store {
namespace {

using absl::string_view;

void AppendText(string_view text, std::string& key) {
  for (const char c : text) {
    key += c;
    if (c == '\0') key += '\xff';
  }
  key.append("\0\1", 2);
}

std::string BytePrefix(char tag, int value) { return {tag, static_cast<char>(value)}; }

}  // namespace

string_view FamilyName(Family family) {
  static constexpr std::array<string_view, kFamilies> kNames = {
      "products", "images", "image_references", "embeddings", "index", "jobs", "placeholders", "verdicts", "counters"};
  return kNames[static_cast<std::size_t>(family)];
}

std::string CategoryPrefix(const google::protobuf::RepeatedPtrField<std::string>& path, int depth) {
  std::string key = "c";
  for (int i = 0; i < depth; ++i) AppendText(path[i], key);
  key.append("\0\0", 2);
  return key;
}

std::string BrandPrefix(string_view brand) {
  std::string key = "b";
  AppendText(brand, key);
  return key;
}

std::string ImageStatePrefix(v1::ImageState state) { return BytePrefix('s', state); }
std::string PlaceholderStatePrefix(v1::PlaceholderState state) { return BytePrefix('p', state); }
std::string VerdictKindPrefix(v1::VerdictKind kind) { return BytePrefix('v', kind); }
std::string QueuePrefix(v1::JobKind kind) { return BytePrefix('q', kind); }
std::string IdempotencyKey(string_view key) { return absl::StrCat("k", key); }

std::vector<std::string> IndexEntries(const v1::StoredProduct& stored) {
  const v1::Product& product = stored.product();
  std::vector<std::string> entries;
  for (int depth = 1; depth <= product.category_path_size(); ++depth) {
    entries.push_back(CategoryPrefix(product.category_path(), depth) + product.id());
  }
  if (!product.brand().empty()) entries.push_back(BrandPrefix(product.brand()) + product.id());
  entries.push_back(ImageStatePrefix(stored.image().state()) + product.id());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<std::string> IndexEntries(const v1::Placeholder& placeholder) {
  return {PlaceholderStatePrefix(placeholder.state()) + placeholder.product_id()};
}

std::vector<std::string> IndexEntries(const v1::Verdict& verdict) {
  return {VerdictKindPrefix(verdict.kind()) + verdict.product_id()};
}

std::vector<std::string> IndexEntries(const v1::Job& job) {
  // The queue lists those that workers may take.
  if (job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING) return {};
  return {QueuePrefix(job.kind()) + job.id()};
}

absl::StatusOr<std::string> ImageKey(string_view sha256) {
  const bool hex = std::all_of(sha256.begin(), sha256.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (sha256.size() != 64 || !hex) {
    return absl::InvalidArgumentError("sha256: expected 64 lower-case hex digits");
  }
  return absl::HexStringToBytes(sha256);
}

}  // namespace mannequin::store
