#include "services/trainer/lineage.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::size_t kPrefix = 8;

std::string PrefixOf(const std::string& id) { return absl::HexStringToBytes(Sha256Hex(id).substr(0, 2 * kPrefix)); }

bool Contains(const std::string& file, const std::string& prefix) {
  std::size_t first = 0, count = file.size() / kPrefix;
  while (count > 0) {
    const std::size_t half = count / 2;
    if (file.compare((first + half) * kPrefix, kPrefix, prefix) < 0) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return file.compare(first * kPrefix, kPrefix, prefix) == 0;
}

}  // namespace

absl::Status WriteLineage(const Pack& pack, const std::string& folder, v1::Lineage* lineage) {
  std::vector<std::string> prefixes;
  prefixes.reserve(pack.training.size());
  for (const PackedProduct& product : pack.training) prefixes.push_back(PrefixOf(product.id));
  std::sort(prefixes.begin(), prefixes.end());
  std::string file;
  file.reserve(prefixes.size() * kPrefix);
  for (const std::string& prefix : prefixes) file += prefix;
  lineage->set_products(static_cast<std::int64_t>(pack.training.size()));
  lineage->set_opted_out(pack.opted_out);
  lineage->set_products_sha256(Sha256Hex(file));
  return WriteFileAtomically(absl::StrCat(folder, "/", kProductsFile), file);
}

absl::StatusOr<std::vector<std::string>> TrainedAmong(const std::string& folder, const v1::BundleManifest& manifest,
                                                      const std::vector<std::string>& ids) {
  if (manifest.lineage().products_sha256().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("bundle ", manifest.version(), " keeps no list of the products that it was trained on"));
  }
  const std::string path = absl::StrCat(folder, "/", kProductsFile);
  ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
  if (file.size() % kPrefix != 0 || Sha256Hex(file) != manifest.lineage().products_sha256()) {
    return absl::DataLossError(absl::StrCat(path, ": is not the file that the manifest names; restore the bundle"));
  }
  std::vector<std::string> trained;
  for (const std::string& id : ids) {
    if (Contains(file, PrefixOf(id))) trained.push_back(id);
  }
  return trained;
}

}  // namespace mannequin
