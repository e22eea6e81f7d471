#include "common/base/clock.h"

#include "absl/time/clock.h"
#include "common/base/steady.h"

namespace mannequin {
namespace {

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Time Steady() const override { return SteadyNow(); }
};

}  // namespace

const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

}  // namespace mannequin
