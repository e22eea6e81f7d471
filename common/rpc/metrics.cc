#include "common/rpc/metrics.h"

#include <chrono>
#include <string>

#include "absl/status/status.h"
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

class MetricsInterceptor : public grpc::experimental::Interceptor {
 public:
  explicit MetricsInterceptor(grpc::experimental::ServerRpcInfo* info)
      : method_(info->method()), start_(std::chrono::steady_clock::now()) {
    in_flight_ = &GetFamilies().in_flight.Add({{"method", method_}});
    in_flight_->Increment();
  }

  ~MetricsInterceptor() override {
    in_flight_->Decrement();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    static const prometheus::Histogram::BucketBoundaries buckets = {.0005, .001, .0025, .005, .01, .025, .05,
                                                                    .1,    .25,  .5,    1,    2.5, 10,   60};
    GetFamilies().seconds.Add({{"method", method_}}, buckets).Observe(seconds.count());
    GetFamilies().handled.Add({{"method", method_}, {"code", code_}}).Increment();
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      code_ = absl::StatusCodeToString(static_cast<absl::StatusCode>(methods->GetSendStatus().error_code()));
    }
    methods->Proceed();
  }

 private:
  const std::string method_;
  const std::chrono::steady_clock::time_point start_;
  prometheus::Gauge* in_flight_;
  std::string code_ = "CANCELLED";  // a call whose status was never sent
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
