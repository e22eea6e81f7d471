// What every call has around it besides its metrics: the ids that cross services, the audit
// line, and the refusal of callers that may not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/rpc/access_control.h"
#include "common/rpc/audit_log.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/support/client_interceptor.h"
#include "grpcpp/support/server_interceptor.h"

namespace mannequin::rpc {

inline constexpr char kRequestIdHeader[] = "x-request-id";
inline constexpr char kTraceparentHeader[] = "traceparent";
inline constexpr char kTracestateHeader[] = "tracestate";
inline constexpr char kAuthorizationHeader[] = "authorization";

// Gives the handler's thread the ids that the call brought or that are made (call_ids.h), answers with
// the request id in the trailing "x-request-id", takes the caller's token out of what handlers see, and writes the
// audit line of a change. `access` and `audit` may be null; both outlive the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> NewCallInterceptor(AccessControl* access,
                                                                                          AuditLog* audit);

// Passes the ids of the thread's call on to the servers that are called for it.
std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> ClientInterceptors();

// Refuses before a handler or a message is reached; counts what it refuses in
// mannequin_rpc_refused_total{reason="unauthenticated|permission|quota|method"}. `audit` may be null.
std::shared_ptr<grpc::AuthMetadataProcessor> NewAccessProcessor(AccessControl& access, AuditLog* audit);

}  // namespace mannequin::rpc
