#include "common/rpc/call_interceptors.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/call_ids.h"
#include "common/base/steady.h"
#include "common/rpc/method_access.h"
#include "common/rpc/metrics.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"
#include "grpcpp/server_context.h"
#include "prometheus/counter.h"
#include "spdlog/spdlog.h"

namespace mannequin::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// Of a message that waits, between looks at whether its call was cancelled.
constexpr absl::Duration kLongestSleep = absl::Milliseconds(100);

absl::string_view ValueOf(const Metadata& metadata, const char* name) {
  const auto found = metadata.find(name);
  if (found == metadata.end()) return {};
  return {found->second.data(), found->second.size()};
}

std::shared_ptr<const CallIds> IdsOf(const Metadata& metadata) {
  return std::make_shared<const CallIds>(IdsForCall(ValueOf(metadata, kTraceparentHeader),
                                                    ValueOf(metadata, kTracestateHeader),
                                                    ValueOf(metadata, kRequestIdHeader)));
}

void CountRefused(absl::StatusCode code) {
  static prometheus::Family<prometheus::Counter>& family =
      prometheus::BuildCounter()
          .Name("mannequin_rpc_refused_total")
          .Help("RPCs refused before their handler, by reason: unauthenticated, permission, quota or method.")
          .Register(*MetricsRegistry());
  static prometheus::Counter& unauthenticated = family.Add({{"reason", "unauthenticated"}});
  static prometheus::Counter& permission = family.Add({{"reason", "permission"}});
  static prometheus::Counter& quota = family.Add({{"reason", "quota"}});
  static prometheus::Counter& method = family.Add({{"reason", "method"}});
  switch (code) {
    case absl::StatusCode::kUnauthenticated:
      return unauthenticated.Increment();
    case absl::StatusCode::kPermissionDenied:
      return permission.Increment();
    case absl::StatusCode::kResourceExhausted:
      return quota.Increment();
    default:
      return method.Increment();
  }
}

void CountWait(absl::Duration waited) {
  static prometheus::Counter& seconds =
      prometheus::BuildCounter()
          .Name("mannequin_rpc_quota_wait_seconds_total")
          .Help("Seconds that messages of streams waited because their callers were over their quota.")
          .Register(*MetricsRegistry())
          .Add({});
  seconds.Increment(absl::ToDoubleSeconds(waited));
}

class CallInterceptor : public grpc::experimental::Interceptor {
 public:
  CallInterceptor(const MethodAccess& method, grpc::experimental::ServerRpcInfo& info, AccessControl* access,
                  AuditLog* audit)
      : method_(method),
        context_(*info.server_context()),
        takes_stream_(info.type() == grpc::experimental::ServerRpcInfo::Type::CLIENT_STREAMING ||
                      info.type() == grpc::experimental::ServerRpcInfo::Type::BIDI_STREAMING),
        access_(access),
        audit_(method.IsChange() ? audit : nullptr) {}

  ~CallInterceptor() override { WriteAudit(absl::StatusCode::kCancelled); }  // of a call whose status was never sent

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      Begin(*methods->GetRecvInitialMetadata());
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      // Of a method of the table: what it takes are generated messages. Null at a stream's end.
      const auto* message = static_cast<const google::protobuf::Message*>(methods->GetRecvMessage());
      if (message != nullptr) {
        if (audit_ != nullptr) call_.ids.Add(*message);
        if (takes_stream_ && !authorization_.empty()) AdmitMessage();
      }
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      WriteAudit(static_cast<absl::StatusCode>(methods->GetSendStatus().error_code()));
      // At the end: after headers of its own a failed call would not be sent again by the client's retry policy.
      methods->GetSendTrailingMetadata()->emplace(kRequestIdHeader, ids_->request_id);
      SetCurrentCall(nullptr);
    }
    methods->Proceed();
  }

 private:
  // On the handler's thread, before the handler.
  void Begin(Metadata& metadata) {
    ids_ = IdsOf(metadata);
    SetCurrentCall(ids_);
    if (access_ != nullptr) {
      const std::shared_ptr<const grpc::AuthContext> peer = context_.auth_context();
      const absl::string_view authorization = ValueOf(metadata, kAuthorizationHeader);
      // Calls within the process come by no port, and nobody was asked who they are: but the console says for whom.
      const bool in_process = peer == nullptr || peer->FindPropertyValues("transport_security_type").empty();
      if (in_process && authorization.empty()) {
        call_.caller = {"in-process", config::v1::ROLE_SERVICE, 0};
      } else {
        if (takes_stream_) authorization_ = std::string(authorization);
        if (audit_ != nullptr) {
          auto caller =
              access_->Identify(authorization, in_process ? std::vector<std::string>() : CertificateNames(*peer));
          if (caller.ok()) call_.caller = *std::move(caller);
        }
      }
    }
    metadata.erase(kAuthorizationHeader);
  }

  // A message that came through a stream counts as a call and waits for its turn, on the thread that
  // reads: the client is held back in turn. A token that has ended or was taken away meanwhile ends the stream.
  void AdmitMessage() {
    const absl::StatusOr<Caller> caller = access_->Identify(authorization_, {});
    if (!caller.ok()) {
      spdlog::warn("{}: the stream ends: {}", std::string(method_.path.substr(1)),
                   std::string(caller.status().message()));
      context_.TryCancel();
      return;
    }
    const absl::Time begin = SteadyNow();
    const absl::Time turn = begin + access_->WaitOfMessage(*caller);
    for (absl::Time now = begin; now < turn && !context_.IsCancelled(); now = SteadyNow()) {
      absl::SleepFor(std::min(turn - now, kLongestSleep));
    }
    CountWait(SteadyNow() - begin);
  }

  void WriteAudit(absl::StatusCode code) {
    AuditLog* audit = std::exchange(audit_, nullptr);
    if (audit == nullptr || ids_ == nullptr) return;
    call_.method = std::string(method_.path.substr(1));
    call_.peer = context_.peer();
    call_.code = code;
    const ScopedCall same_call(ids_);
    audit->Write(call_, absl::Now());
  }

  const MethodAccess& method_;
  grpc::ServerContextBase& context_;
  const bool takes_stream_;
  AccessControl* const access_;
  AuditLog* audit_;  // null when there is nothing to write (any more)
  std::shared_ptr<const CallIds> ids_;
  std::string authorization_;  // of a stream whose caller has a token
  AuditedCall call_;
};

class CallInterceptorFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  CallInterceptorFactory(AccessControl* access, AuditLog* audit) : access_(access), audit_(audit) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    const MethodAccess* method = FindMethodAccess(info->method());
    // Health and reflection are gRPC's own.
    if (method == nullptr || !IsOurs(*method)) return nullptr;
    return std::make_unique<CallInterceptor>(*method, *info, access_, audit_).release();  // gRPC owns it
  }

 private:
  static bool IsOurs(const MethodAccess& method) { return method.path.substr(0, 11) == "/mannequin."; }

  AccessControl* const access_;
  AuditLog* const audit_;
};

class IdsInterceptor : public grpc::experimental::Interceptor {
 public:
  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      if (const auto& ids = CurrentCall()) {
        auto* metadata = methods->GetSendInitialMetadata();
        metadata->emplace(kRequestIdHeader, ids->request_id);
        metadata->emplace(kTraceparentHeader, Traceparent(*ids));
        if (!ids->trace_state.empty()) metadata->emplace(kTracestateHeader, ids->trace_state);
      }
    }
    methods->Proceed();
  }
};

class IdsInterceptorFactory : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return std::make_unique<IdsInterceptor>().release();  // gRPC owns it
  }
};

class AccessProcessor : public grpc::AuthMetadataProcessor {
 public:
  AccessProcessor(AccessControl& access, AuditLog* audit) : access_(access), audit_(audit) {}

  // A hash and two look-ups.
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* peer, OutputMetadata*,
                       OutputMetadata*) override {
    const absl::string_view path = ValueOf(metadata, ":path");
    const MethodAccess* method = FindMethodAccess(path);
    if (method != nullptr && (method->callers & kAnybody) != 0) return grpc::Status::OK;
    const absl::StatusOr<Caller> caller =
        access_.Identify(ValueOf(metadata, kAuthorizationHeader), CertificateNames(*peer));
    const absl::Status status = caller.ok() ? access_.Admit(*caller, path) : caller.status();
    if (status.ok()) return grpc::Status::OK;
    CountRefused(status.code());
    if (audit_ != nullptr && caller.ok() && absl::IsPermissionDenied(status) && method->IsChange()) {
      const ScopedCall call(IdsOf(metadata));
      audit_->Write({*caller, "", std::string(path.substr(1)), {}, status.code()}, absl::Now());
    }
    return ToGrpc(SayRetryAfter(status));
  }

 private:
  AccessControl& access_;
  AuditLog* const audit_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> NewCallInterceptor(AccessControl* access,
                                                                                          AuditLog* audit) {
  if (access != nullptr) CountWait(absl::ZeroDuration());  // so that it is there before the first wait
  return std::make_unique<CallInterceptorFactory>(access, audit);
}

std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> ClientInterceptors() {
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<IdsInterceptorFactory>());
  return factories;
}

std::shared_ptr<grpc::AuthMetadataProcessor> NewAccessProcessor(AccessControl& access, AuditLog* audit) {
  return std::make_shared<AccessProcessor>(access, audit);
}

}  // namespace mannequin::rpc
