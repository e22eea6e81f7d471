#include "common/rpc/metrics.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace mannequin::rpc {
namespace {

struct Families {
  prometheus::Family<prometheus::Counter>& handled = prometheus::BuildCounter()
                                                         .Name("mannequin_rpc_server_handled_total")
                                                         .Help("RPCs that ended, by method and status code.")
                                                         .Register(*MetricsRegistry());
  prometheus::Family<prometheus::Histogram>& seconds =
      prometheus::BuildHistogram()
          .Name("mannequin_rpc_server_handling_seconds")
          .Help("Seconds from the call's start to its status, by method.")
          .Register(*MetricsRegistry());
  prometheus::Family<prometheus::Gauge>& in_flight = prometheus::BuildGauge()
                                                         .Name("mannequin_rpc_server_in_flight")
                                                         .Help("RPCs that run now, by method.")
                                                         .Register(*MetricsRegistry());
};

Families& GetFamilies() {
  static Families families;
  return families;
}

// A method's own metrics, found once: by their labels the registry takes a lock and
// builds a map, several microseconds a call.
class MethodMetrics {
 public:
  // `method` is the name that gRPC keeps for as long as the process lives.
  static MethodMetrics& Of(const char* method) {
    static absl::Mutex mutex;
    static absl::flat_hash_map<const char*, std::unique_ptr<MethodMetrics>> methods;
    {
      absl::ReaderMutexLock lock(&mutex);
      const auto found = methods.find(method);
      if (found != methods.end()) return *found->second;
    }
    absl::MutexLock lock(&mutex);
    std::unique_ptr<MethodMetrics>& metrics = methods[method];
    if (metrics == nullptr) metrics = std::make_unique<MethodMetrics>(method);
    return *metrics;
  }

  explicit MethodMetrics(const std::string& method)
      : in_flight(GetFamilies().in_flight.Add({{"method", method}})),
        seconds(GetFamilies().seconds.Add(
            {{"method", method}}, prometheus::Histogram::BucketBoundaries{.0005, .001, .0025, .005, .01, .025, .05, .1,
                                                                          .25, .5, 1, 2.5, 10, 60})),
        method_(method) {}

  void CountHandled(absl::StatusCode code) {
    // A code that no call has ended with has no series.
    std::atomic<prometheus::Counter*>& counter = handled_[static_cast<std::size_t>(code)];
    prometheus::Counter* known = counter.load(std::memory_order_acquire);
    if (known == nullptr) {
      known = &GetFamilies().handled.Add({{"method", method_}, {"code", absl::StatusCodeToString(code)}});
      counter.store(known, std::memory_order_release);
    }
    known->Increment();
  }

  prometheus::Gauge& in_flight;
  prometheus::Histogram& seconds;

 private:
  const std::string method_;
  std::array<std::atomic<prometheus::Counter*>, static_cast<std::size_t>(absl::StatusCode::kUnauthenticated) + 1>
      handled_{};
};

class MetricsInterceptor : public grpc::experimental::Interceptor {
 public:
  explicit MetricsInterceptor(grpc::experimental::ServerRpcInfo* info)
      : metrics_(MethodMetrics::Of(info->method())), start_(std::chrono::steady_clock::now()) {
    metrics_.in_flight.Increment();
  }

  ~MetricsInterceptor() override {
    metrics_.in_flight.Decrement();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    metrics_.seconds.Observe(seconds.count());
    metrics_.CountHandled(code_);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      code_ = static_cast<absl::StatusCode>(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  MethodMetrics& metrics_;
  const std::chrono::steady_clock::time_point start_;
  absl::StatusCode code_ = absl::StatusCode::kCancelled;  // a call whose status was never sent
};

class MetricsInterceptorFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return std::make_unique<MetricsInterceptor>(info).release();  // gRPC owns it
  }
};

}  // namespace

const std::shared_ptr<prometheus::Registry>& MetricsRegistry() {
  static const auto registry = std::make_shared<prometheus::Registry>();
  return registry;
}

std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> MetricsInterceptors() {
  GetFamilies();
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<MetricsInterceptorFactory>());
  return factories;
}

}  // namespace mannequin::rpc
