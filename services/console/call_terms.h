// Under what terms the console calls a service for its reader.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/rpc/call_interceptors.h"
#include "grpcpp/client_context.h"

namespace mannequin {

struct CallTerms {
  // By the wall clock, from WallNow().
  absl::Time deadline = absl::InfiniteFuture();
  // Of the reader's own token, "Bearer TOKEN"; empty: the channel's credentials say who calls.
  std::string authorization = {};
};

inline void SetTerms(const CallTerms& terms, grpc::ClientContext& context) {
  if (terms.deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(terms.deadline));
  if (!terms.authorization.empty()) context.AddMetadata(rpc::kAuthorizationHeader, terms.authorization);
}

}  // namespace mannequin
