#include "services/generator/metrics.h"

#include <string>

#include "common/rpc/metrics.h"
#include "prometheus/counter.h"
#include "prometheus/histogram.h"

namespace mannequin::generator_metrics {
namespace {

struct Metrics {
  prometheus::Counter& images = prometheus::BuildCounter()
                                    .Name("mannequin_generator_images_total")
                                    .Help("Pictures handed out")
                                    .Register(*rpc::MetricsRegistry())
                                    .Add({});
  prometheus::Counter& no_image = prometheus::BuildCounter()
                                      .Name("mannequin_generator_no_image_total")
                                      .Help("Requests that got no picture")
                                      .Register(*rpc::MetricsRegistry())
                                      .Add({});
  prometheus::Family<prometheus::Counter>& placeholders = prometheus::BuildCounter()
                                                              .Name("mannequin_generator_placeholders_total")
                                                              .Help("Placeholders by what became of them")
                                                              .Register(*rpc::MetricsRegistry());
  prometheus::Histogram& confidence =
      prometheus::BuildHistogram()
          .Name("mannequin_generator_confidence")
          .Help("Confidence of the pictures handed out")
          .Register(*rpc::MetricsRegistry())
          .Add({}, prometheus::Histogram::BucketBoundaries{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9});
  prometheus::Counter& cards = prometheus::BuildCounter()
                                   .Name("mannequin_generator_cards_total")
                                   .Help("Category cards handed out")
                                   .Register(*rpc::MetricsRegistry())
                                   .Add({});
  prometheus::Histogram& pass = prometheus::BuildHistogram()
                                    .Name("mannequin_generator_pass_pictures")
                                    .Help("Candidates drawn in one pass")
                                    .Register(*rpc::MetricsRegistry())
                                    .Add({}, prometheus::Histogram::BucketBoundaries{1, 2, 4, 8, 16, 32, 64});
};

Metrics& All() {
  static auto& metrics = *new Metrics;
  return metrics;
}

}  // namespace

void CountIllustration(const Illustration& illustration) {
  if (illustration.pictures.empty()) All().no_image.Increment();
  All().images.Increment(static_cast<double>(illustration.pictures.size()));
  for (const Picture& picture : illustration.pictures) All().confidence.Observe(picture.confidence);
}

void CountCard() { All().cards.Increment(); }

void ObservePass(std::size_t pictures) { All().pass.Observe(static_cast<double>(pictures)); }

void CountPlaceholder(absl::string_view state) { All().placeholders.Add({{"state", std::string(state)}}).Increment(); }

}  // namespace mannequin::generator_metrics
