#include "services/store/keys.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "services/store/url_origin.h"

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

void CloseCategory(std::string& key) { key.append("\0\0", 2); }

std::string BytePrefix(char tag, int value) { return {tag, static_cast<char>(value)}; }

}  // namespace

bool TakeText(string_view& rest, std::string& text) {
  for (std::size_t i = 0; i + 1 < rest.size(); ++i) {
    if (rest[i] != '\0') {
      text += rest[i];
      continue;
    }
    if (rest[i + 1] == '\1') {
      rest.remove_prefix(i + 2);
      return true;
    }
    if (rest[i + 1] != '\xff') return false;
    text += '\0';
    ++i;
  }
  return false;
}

string_view FamilyName(Family family) {
  static constexpr std::array<string_view, kFamilies> kNames = {
      "products", "images",       "image_references", "renditions", "embeddings", "index",
      "jobs",     "placeholders", "verdicts",         "reviews",    "counters"};
  return kNames[static_cast<std::size_t>(family)];
}

std::string CategoryPrefix(const google::protobuf::RepeatedPtrField<std::string>& path, int depth) {
  std::string key = "c";
  for (int i = 0; i < depth; ++i) AppendText(path[i], key);
  CloseCategory(key);
  return key;
}

std::string BrandPrefix(string_view brand) {
  std::string key = "b";
  AppendText(brand, key);
  return key;
}

std::string ImageStatePrefix(v1::ImageState state) { return BytePrefix('s', state); }

std::string FetchPrefix(string_view origin) {
  std::string key(kFetchTag);
  AppendText(origin, key);
  return key;
}

std::optional<std::string> OriginOfFetch(string_view entry) {
  std::string origin;
  if (entry.substr(0, kFetchTag.size()) != kFetchTag) return std::nullopt;
  entry.remove_prefix(kFetchTag.size());
  if (!TakeText(entry, origin)) return std::nullopt;
  return origin;
}

std::string UpdatedPrefix(const google::protobuf::Timestamp& time) {
  // The times of a store are after the epoch; one before it counts as the epoch.
  const auto nanoseconds = static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, google::protobuf::util::TimeUtil::TimestampToNanoseconds(time)));
  std::string key(kUpdatedTag);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(nanoseconds >> shift);
  return key;
}

absl::Time TimeOfUpdate(string_view entry) {
  std::uint64_t nanoseconds = 0;
  for (const char byte : entry.substr(0, kUpdatedTimeBytes)) {
    nanoseconds = nanoseconds << 8 | static_cast<unsigned char>(byte);
  }
  return absl::FromUnixNanos(static_cast<std::int64_t>(nanoseconds));
}

std::string PlaceholderStatePrefix(v1::PlaceholderState state) { return BytePrefix('p', state); }
std::string VerdictKindPrefix(v1::VerdictKind kind) { return BytePrefix('v', kind); }
std::string UnreviewedPrefix(v1::VerdictKind kind) { return BytePrefix('w', kind); }
std::string QueuePrefix(v1::JobKind kind) { return BytePrefix('q', kind); }
std::string IdempotencyKey(string_view key) { return absl::StrCat("k", key); }

std::string IngestCheckpointKey(string_view source) { return absl::StrCat("ingest/", source); }

void VisitIndexPrefixes(const v1::Product& product, v1::ImageState state, bool refresh,
                        absl::FunctionRef<void(string_view)> visit) {
  std::string category = "c";
  for (const std::string& part : product.category_path()) {
    AppendText(part, category);
    const std::size_t open = category.size();
    CloseCategory(category);
    visit(category);
    category.resize(open);
  }
  if (!product.brand().empty()) visit(BrandPrefix(product.brand()));
  visit(ImageStatePrefix(state));
  if (state == v1::IMAGE_STATE_PENDING || refresh) visit(FetchPrefix(OriginOf(product.image_url())));
}

std::vector<std::string> IndexEntries(const v1::StoredProduct& stored) {
  std::vector<std::string> entries;
  const auto add = [&](string_view prefix) { entries.push_back(absl::StrCat(prefix, stored.product().id())); };
  VisitIndexPrefixes(stored.product(), stored.image().state(), stored.image().refresh(), add);
  add(UpdatedPrefix(stored.updated_at()));
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<std::string> IndexEntries(const v1::Placeholder& placeholder) {
  return {PlaceholderStatePrefix(placeholder.state()) + placeholder.product_id()};
}

std::vector<std::string> IndexEntries(const v1::Verdict& verdict) {
  std::vector<std::string> entries = {VerdictKindPrefix(verdict.kind()) + verdict.product_id()};
  if (verdict.review_decision() == v1::VERDICT_KIND_UNSPECIFIED) {
    entries.push_back(UnreviewedPrefix(verdict.kind()) + verdict.product_id());
  }
  return entries;
}

std::vector<std::string> IndexEntries(const v1::Job& job) {
  // The queue lists those that workers may take.
  if (job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING) return {};
  return {QueuePrefix(job.kind()) + job.id()};
}

std::string ReviewKey(string_view product_id, string_view image_sha256) {
  return absl::StrCat(product_id, string_view("\0", 1), image_sha256);
}

absl::StatusOr<std::string> ImageKey(string_view sha256) {
  const bool hex = std::all_of(sha256.begin(), sha256.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (sha256.size() != 64 || !hex) {
    return absl::InvalidArgumentError("sha256: expected 64 lower-case hex digits");
  }
  return absl::HexStringToBytes(sha256);
}

std::string RenditionKey(string_view image_key, int side) {
  std::string key(image_key);
  key += static_cast<char>(side >> 8);
  key += static_cast<char>(side);
  return key;
}

}  // namespace mannequin::store
