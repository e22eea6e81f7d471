#include "services/scorer/admission.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/retry_after.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

// 10 ms a listing.
absl::Duration TenMillisecondsEach(int ahead) { return (ahead + 1) * absl::Milliseconds(10); }

class AdmissionTest : public testing::Test {
 protected:
  absl::Time In(int milliseconds) { return clock_.Now() + absl::Milliseconds(milliseconds); }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Admission admission_{4, TenMillisecondsEach, clock_};
};

TEST_F(AdmissionTest, TakesUpToItsBoundAndSaysWhenToTryAgain) {
  std::vector<Admission::Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(admission_.Admit(In(10'000)).value());
  const absl::Status refused = admission_.Admit(In(10'000)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(refused.message(), "max_queue")) << refused;
  EXPECT_EQ(RetryAfter(refused), absl::Milliseconds(50));
  EXPECT_EQ(admission_.in_hand(), 4);
  tickets.pop_back();
  EXPECT_TRUE(admission_.Admit(In(10'000)).ok());
}

TEST_F(AdmissionTest, RefusesWhatWouldBeAnsweredPastItsDeadline) {
  const Admission::Ticket first = admission_.Admit(In(10'000)).value();
  const Admission::Ticket second = admission_.Admit(In(10'000)).value();
  // Two ahead: 30 ms, and half as much to be sure.
  const absl::Status refused = admission_.Admit(In(44)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(refused.message(), "deadline")) << refused;
  EXPECT_EQ(RetryAfter(refused), absl::Milliseconds(30));
  EXPECT_EQ(admission_.Check(In(44)).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(admission_.Check(In(46)).ok());
  EXPECT_TRUE(admission_.Admit(In(46)).ok());
}

TEST_F(AdmissionTest, WithNothingInHandItTakesWhateverWasMeasured) {
  EXPECT_TRUE(admission_.Admit(In(1)).ok());
  EXPECT_EQ(admission_.in_hand(), 0);
}

}  // namespace
}  // namespace mannequin
