#include "common/image/not_available.h"

namespace mannequin {

std::string WhyNotAvailable(const Pixels&, int width, int height) {
  if (width < 16 && height < 16) return "a tracker";
  return "";
}

}  // namespace mannequin
