// What each method of the contracts is: who may call it, whether it changes something, and
// whether a client may send it twice. The one table, in method_access.cc; a method without a
// row there is refused wherever access is controlled, and a test fails.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "mannequin/config/v1/access.pb.h"

namespace mannequin::rpc {

enum class Effect : std::uint8_t {
  kRead,    // changes nothing; sent again by the client when the server was away
  kWork,    // changes nothing that lasts, but costs too much to be sent again, or takes a lease
  kPut,     // a change, and the same change twice is one: sent again
  kChange,  // a change, sent once
};

// Bits; operators may call everything.
using Callers = std::uint8_t;
inline constexpr Callers kOperator = 0;
inline constexpr Callers kBackend = 1 << 0;
inline constexpr Callers kCatalog = 1 << 1;
inline constexpr Callers kService = 1 << 2;
inline constexpr Callers kAnybody = 1 << 3;  // also who says no name

struct MethodAccess {
  absl::string_view path;  // "/mannequin.v1.ProductStore/GetProduct"
  Callers callers;
  Effect effect;

  bool IsChange() const { return effect == Effect::kPut || effect == Effect::kChange; }
  bool MaySendTwice() const { return effect == Effect::kRead || effect == Effect::kPut; }
  bool IsOpenTo(config::v1::Role role) const;
};

// Null when there is no such row.
const MethodAccess* FindMethodAccess(absl::string_view path);
const std::vector<MethodAccess>& AllMethodAccess();

}  // namespace mannequin::rpc
