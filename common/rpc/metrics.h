// The process's Prometheus metrics, and the RED set (rate, errors, duration) of every
// RPC, counted by an interceptor so that no handler has to.
//
//   mannequin_rpc_server_handled_total{method="/mannequin.v1.X/Y",code="OK"}
//   mannequin_rpc_server_handling_seconds{method=...}   histogram
//   mannequin_rpc_server_in_flight{method=...}          gauge
#pragma once

#include <memory>
#include <vector>

#include "grpcpp/support/server_interceptor.h"
#include "prometheus/registry.h"

namespace mannequin::rpc {

// Exposed on every admin port. Thread-safe.
const std::shared_ptr<prometheus::Registry>& MetricsRegistry();

// For grpc::ServerBuilder::experimental().
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> MetricsInterceptors();

}  // namespace mannequin::rpc
