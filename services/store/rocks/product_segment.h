// Products of a long stream, gathered until they are worth tables of their own: packed
// records, and for each prefix of the index the products below it.
//
//   ProductSegment segment;
//   for (const v1::Product& product : request.products()) segment.Add(product);
//   segment.Seal();                        // in id order, the later of two with one id
//   for (const ProductSegment::Entry& entry : segment.entries()) ...
//
// Protos would take three times the memory, and a sort of index entries the time that
// filing them by prefix saves: in id order already, each list is sorted as it comes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/timestamp.pb.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin::store {

// Not thread-safe.
class ProductSegment {
 public:
  // One product; its views live as long as the segment and end with the next Add.
  struct Entry {
    absl::string_view id;
    // A serialized v1::Product.
    absl::string_view product;
    v1::ImageState state;
    // Sent in this stream earlier than the one that counts.
    std::int32_t superseded_equal = 0;
    std::int32_t superseded_different = 0;
    std::uint32_t position = 0;
  };

  // `product` must have passed CheckProduct.
  void Add(const v1::Product& product);
  // Sorts by id and drops all but the last of those with one id. No Add after it.
  void Seal();
  void Clear();

  bool empty() const { return items_.empty(); }
  // Memory that Add has taken, about.
  std::size_t bytes() const { return bytes_.size() + items_.size() * sizeof(Item) + prefixes_of_.size() * 4; }
  // After Seal: in id order, ids unique.
  const std::vector<Entry>& entries() const { return entries_; }

  // Index entries of the chosen products.
  struct IndexList {
    // Points into this segment.
    absl::string_view prefix;
    // Places in entries(), ascending.
    std::vector<std::uint32_t> places;
  };
  // Of the entries for which `chosen[place]`, in the order of the prefixes. Without the
  // one by time of update, which is the same for all.
  std::vector<IndexList> IndexLists(const std::vector<bool>& chosen) const;

 private:
  struct Item {
    // The id's first eight bytes as a number: most comparisons need no look at the text.
    std::uint64_t id_head;
    std::uint32_t begin;
    std::uint32_t id_begin;
    std::uint32_t size;
    std::uint8_t id_size;
    std::uint8_t prefixes;
    bool has_url;
    std::uint32_t first_prefix;
  };
  absl::string_view IdOf(const Item& item) const { return {bytes_.data() + item.id_begin, item.id_size}; }
  absl::string_view ProductOf(const Item& item) const { return {bytes_.data() + item.begin, item.size}; }

  std::string bytes_;
  std::vector<Item> items_;
  std::vector<Entry> entries_;
  // Of entries_, beside each other: the index asks for each id several times over.
  std::string ids_;
  // Numbers of prefixes, an item's beside each other.
  std::vector<std::uint32_t> prefixes_of_;
  absl::flat_hash_map<std::string, std::uint32_t> prefixes_;
};

}  // namespace mannequin::store
