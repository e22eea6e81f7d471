#include "services/trainer/metrics.h"

#include "common/rpc/metrics.h"
#include "gmock/gmock.h"
#include "prometheus/text_serializer.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Exposed() { return prometheus::TextSerializer().Serialize(rpc::MetricsRegistry()->Collect()); }

TEST(TrainingMetrics, SayWhatATrainingSaysAndGoWithIt) {
  {
    TrainingMetrics metrics("job-a"), other("job-b");
    v1::TrainingProgress progress;
    progress.set_loss_generator(2.5);
    progress.set_data_wait(0.25);
    progress.set_health(v1::TRAINING_HEALTH_COLLAPSED);
    progress.set_restarts(2);
    metrics.Set(progress);
    const std::string text = Exposed();
    EXPECT_THAT(text, HasSubstr("mannequin_trainer_loss{job=\"job-a\",network=\"generator\"} 2.5"));
    EXPECT_THAT(text, HasSubstr("mannequin_trainer_data_wait{job=\"job-a\"} 0.25"));
    EXPECT_THAT(text, HasSubstr("mannequin_trainer_restarts{job=\"job-a\"} 2"));
    EXPECT_THAT(text, HasSubstr("mannequin_trainer_unhealthy{health=\"collapsed\",job=\"job-a\"} 1"));
    EXPECT_THAT(text, HasSubstr("mannequin_trainer_unhealthy{health=\"diverging\",job=\"job-a\"} 0"));
    EXPECT_THAT(text, HasSubstr("mannequin_trainer_unhealthy{health=\"collapsed\",job=\"job-b\"} 0"));
  }
  EXPECT_THAT(Exposed(), Not(HasSubstr("job-a")));
}

}  // namespace
}  // namespace mannequin
