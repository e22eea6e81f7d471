#include "services/store/rocks/product_segment.h"

#include <algorithm>

#include "google/protobuf/io/coded_stream.h"
#include "services/store/image_state.h"
#include "services/store/keys.h"

namespace mannequin::store {
namespace {

// Ordered as the texts are; zeros stand for what a short text does not have.
std::uint64_t HeadOf(absl::string_view id) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < sizeof head; ++i) {
    head = head << 8 | (i < id.size() ? static_cast<unsigned char>(id[i]) : 0U);
  }
  return head;
}

}  // namespace

void ProductSegment::Add(const v1::Product& product) {
  Item item{};
  item.begin = static_cast<std::uint32_t>(bytes_.size());
  const std::size_t size = product.ByteSizeLong();
  bytes_.resize(bytes_.size() + size);
  product.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(bytes_.data() + item.begin));
  item.size = static_cast<std::uint32_t>(size);
  // `id` is field 1 and comes first: its tag, one byte of length (at most 128 bytes need
  // two), the id.
  item.id_size = static_cast<std::uint8_t>(product.id().size());
  item.id_begin =
      item.begin + 1 + static_cast<std::uint32_t>(google::protobuf::io::CodedOutputStream::VarintSize32(item.id_size));
  item.id_head = HeadOf(product.id());
  item.first_prefix = static_cast<std::uint32_t>(prefixes_of_.size());
  const v1::ImageState state = NewImageState(product);
  VisitIndexPrefixes(product, state, /*refresh=*/false, [&](absl::string_view prefix) {
    const auto found = prefixes_.find(prefix);
    const auto next = static_cast<std::uint32_t>(prefixes_.size());
    prefixes_of_.push_back(found != prefixes_.end() ? found->second : prefixes_.emplace(prefix, next).first->second);
  });
  item.prefixes = static_cast<std::uint8_t>(prefixes_of_.size() - item.first_prefix);
  item.has_url = state == v1::IMAGE_STATE_PENDING;
  items_.push_back(item);
}

void ProductSegment::Seal() {
  const auto before = [&](const Item& a, const Item& b) {
    return a.id_head != b.id_head ? a.id_head < b.id_head : IdOf(a) < IdOf(b);
  };
  if (!std::is_sorted(items_.begin(), items_.end(), before)) std::stable_sort(items_.begin(), items_.end(), before);
  entries_.clear();
  entries_.reserve(items_.size());
  ids_.clear();
  for (const Item& item : items_) ids_.append(IdOf(item).data(), item.id_size);
  std::size_t id_begin = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    Entry entry;
    entry.id = absl::string_view(ids_).substr(id_begin, item.id_size);
    id_begin += item.id_size;
    entry.product = ProductOf(item);
    entry.state = item.has_url ? v1::IMAGE_STATE_PENDING : v1::IMAGE_STATE_MISSING;
    entry.position = static_cast<std::uint32_t>(i);
    if (!entries_.empty() && entries_.back().id == entry.id) {
      const Entry& earlier = entries_.back();
      const bool equal = earlier.product == entry.product;
      entry.superseded_equal = earlier.superseded_equal + (equal ? 1 : 0);
      entry.superseded_different = earlier.superseded_different + (equal ? 0 : 1);
      entries_.back() = entry;
    } else {
      entries_.push_back(entry);
    }
  }
}

void ProductSegment::Clear() {
  bytes_.clear();
  items_.clear();
  entries_.clear();
  ids_.clear();
  prefixes_of_.clear();
  prefixes_.clear();
}

std::vector<ProductSegment::IndexList> ProductSegment::IndexLists(const std::vector<bool>& chosen) const {
  std::vector<IndexList> lists(prefixes_.size());
  for (const auto& [prefix, number] : prefixes_) lists[number].prefix = prefix;
  for (std::uint32_t place = 0; place < entries_.size(); ++place) {
    if (!chosen[place]) continue;
    const Item& item = items_[entries_[place].position];
    for (std::uint32_t i = 0; i < item.prefixes; ++i)
      lists[prefixes_of_[item.first_prefix + i]].places.push_back(place);
  }
  std::sort(lists.begin(), lists.end(), [](const IndexList& a, const IndexList& b) { return a.prefix < b.prefix; });
  return lists;
}

}  // namespace mannequin::store
