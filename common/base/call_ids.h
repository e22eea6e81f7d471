// Which call a thread works for: a request id for people and the W3C trace context for
// tracers, so that log lines of all services that one call reaches can be found together.
//
//   const ScopedCall call(std::make_shared<const CallIds>(IdsForCall(traceparent, tracestate, request_id)));
//   spdlog::info("...");                     // the line carries the ids (common/base/log.h)
//   stub->GetProduct(&context, ...);         // and so does the call (common/rpc/channel.h)
//
// Source: https://www.w3.org/TR/trace-context-1/
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace mannequin {

struct CallIds {
  std::string request_id;   // 1 to 64 of A-Z, a-z, 0-9, "-", "_", "." and ":"
  std::string trace_id;     // 32 lower-case hex digits, not all "0"
  std::string span_id;      // 16 of them: this call's own
  std::string flags;        // 2 of them, as they came
  std::string trace_state;  // as it came, at most 512 bytes; empty: none
};

// What a call brought, and made anew what it did not bring or what breaks the form. The span is
// always new. Thread-safe.
CallIds IdsForCall(absl::string_view traceparent, absl::string_view trace_state, absl::string_view request_id);

// "00-<trace>-<span>-<flags>": the header with which `ids` are passed on.
std::string Traceparent(const CallIds& ids);

// Of the call that this thread works for; null when it works for none.
const std::shared_ptr<const CallIds>& CurrentCall();
void SetCurrentCall(std::shared_ptr<const CallIds> ids);

// The current call for as long as it lives, then what was before. For a thread that does a part
// of another's work: ScopedCall call(ids_of_the_other).
class ScopedCall {
 public:
  explicit ScopedCall(std::shared_ptr<const CallIds> ids) : before_(CurrentCall()) { SetCurrentCall(std::move(ids)); }
  ~ScopedCall() { SetCurrentCall(std::move(before_)); }
  ScopedCall(const ScopedCall&) = delete;
  ScopedCall& operator=(const ScopedCall&) = delete;

 private:
  std::shared_ptr<const CallIds> before_;
};

// `work` for a thread that does a part of this one's: with the ids of the call that this thread works for.
//
//   std::thread thread(OfThisCall([this] { Loop(); }));
template <typename Work>
auto OfThisCall(Work work) {
  return [call = CurrentCall(), work = std::move(work)]() mutable {
    const ScopedCall same_call(std::move(call));
    return work();
  };
}

}  // namespace mannequin
