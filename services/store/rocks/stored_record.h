// A serialized v1::StoredProduct, put together and taken apart without a message.
//
//   record := 0A size product rest      product: a serialized v1::Product, field 1
//                                       rest: the other fields, serialized
//
// What protobuf itself writes: fields in the order of their numbers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace mannequin::store {

inline constexpr char kProductTag = 0x0A;

// `record` is written anew; its memory is used again.
inline void MakeStoredRecord(absl::string_view product, absl::string_view rest, std::string& record) {
  record.assign(1, kProductTag);
  std::size_t size = product.size();
  for (; size >= 0x80; size >>= 7) record += static_cast<char>(size | 0x80);
  record += static_cast<char>(size);
  record.append(product.data(), product.size());
  record.append(rest.data(), rest.size());
}

// The serialized product; empty when `record` does not begin with one.
inline absl::string_view ProductInRecord(absl::string_view record) {
  if (record.empty() || record[0] != kProductTag) return {};
  std::size_t size = 0;
  std::size_t at = 1;
  for (int shift = 0; shift < 35 && at < record.size(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(record[at++]);
    size |= static_cast<std::size_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return size <= record.size() - at ? record.substr(at, size) : absl::string_view();
  }
  return {};
}

}  // namespace mannequin::store
