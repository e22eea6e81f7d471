// Titles as the products that a text model is trained on, for tests that need nothing else.
//
//   const auto model = TextModel::Train(ScanTitles({"acme shoe", "acme boot"}), options, nullptr);
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/status_macros.h"
#include "common/text/text_model.h"

namespace mannequin {

inline ProductScan ScanProducts(std::vector<v1::Product> products) {
  return [products = std::move(products)](const std::function<absl::Status(const v1::Product&)>& visit) {
    for (const v1::Product& product : products) RETURN_IF_ERROR(visit(product));
    return absl::OkStatus();
  };
}

inline ProductScan ScanTitles(const std::vector<std::string>& titles) {
  std::vector<v1::Product> products(titles.size());
  for (std::size_t i = 0; i < titles.size(); ++i) products[i].set_title(titles[i]);
  return ScanProducts(std::move(products));
}

}  // namespace mannequin
