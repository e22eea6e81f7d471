#include "tests/origin/fault_plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mannequin {
namespace {

constexpr std::array<absl::string_view, kFaults> kNames = {"none", "500", "503", "reset", "cut", "lie", "stall"};

// Draws that are not of a request.
constexpr std::uint64_t kMissing = ~0ull;
constexpr std::uint64_t kRedirected = ~1ull;

// FNV-1a: the same on every machine, which std::hash need not be.
std::uint64_t Hash(absl::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// The finaliser of SplitMix64.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

absl::string_view FaultName(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

absl::StatusOr<Fault> FaultOf(absl::string_view name) {
  const auto found = std::find(kNames.begin() + 1, kNames.end(), name);
  if (found != kNames.end()) return static_cast<Fault>(found - kNames.begin());
  return absl::InvalidArgumentError(
      absl::StrCat("fault \"", name, "\": expected one of ", absl::StrJoin(kNames.begin() + 1, kNames.end(), ", ")));
}

FaultPlan::FaultPlan(FaultPlanOptions options) : options_(std::move(options)) {}

Fault FaultPlan::Of(absl::string_view target, std::int64_t nth) const {
  const double draw = Draw(target, static_cast<std::uint64_t>(nth));
  if (draw >= options_.share || options_.kinds.empty()) return Fault::kNone;
  const auto kinds = static_cast<double>(options_.kinds.size());
  return options_.kinds[static_cast<std::size_t>(draw / options_.share * kinds)];
}

bool FaultPlan::Missing(absl::string_view target) const { return Draw(target, kMissing) < options_.missing; }
bool FaultPlan::Redirected(absl::string_view target) const { return Draw(target, kRedirected) < options_.redirected; }

double FaultPlan::Draw(absl::string_view target, std::uint64_t what) const {
  constexpr double kUnit = 1.0 / (1ull << 53);
  return static_cast<double>(Mix(Hash(target) ^ Mix(options_.seed ^ Mix(what))) >> 11) * kUnit;
}

}  // namespace mannequin
