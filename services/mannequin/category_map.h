// A picture of the catalogue: each product a dot, near ones alike, coloured by category.
//
//   ASSIGN_OR_RETURN(std::string png, CategoryMap(dots, {.title = "40,054 products"}));
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/mannequin/neighbour_layout.h"

namespace mannequin {

struct MapDot {
  Point at;              // of any scale
  std::string category;  // UTF-8; empty: unknown
};

struct MapOptions {
  std::string title;  // UTF-8
  int side = 1200;    // pixels of the map, 400 to 4,000; the legend lies beside it
};

// The 20 most frequent categories have a colour, a line in the legend, and their name on the
// map where they are densest; the others are grey. A PNG. INVALID_ARGUMENT for no dots.
absl::StatusOr<std::string> CategoryMap(const std::vector<MapDot>& dots, const MapOptions& options);

}  // namespace mannequin
