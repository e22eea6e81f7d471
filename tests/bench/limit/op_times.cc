#include "tests/bench/limit/op_times.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <vector>

#include "ATen/record_function.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

std::int64_t NowNanoseconds() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::mutex mutex;
std::map<std::string, std::int64_t> own_time;  // without that of the operations inside

// An operation under way.
struct Running : at::ObserverContext {
  std::int64_t begin = NowNanoseconds();
  std::int64_t inside = 0;  // spent in operations that it called
  Running* outer = nullptr;
};

thread_local Running* innermost = nullptr;

std::unique_ptr<at::ObserverContext> Begin(const at::RecordFunction&) {
  auto running = std::make_unique<Running>();
  running->outer = innermost;
  innermost = running.get();
  return running;
}

void End(const at::RecordFunction& function, at::ObserverContext* context) {
  auto* running = static_cast<Running*>(context);
  const std::int64_t took = NowNanoseconds() - running->begin;
  innermost = running->outer;
  if (running->outer != nullptr) running->outer->inside += took;
  const std::lock_guard<std::mutex> lock(mutex);
  own_time[function.name()] += took - running->inside;
}

}  // namespace

OpTimes::OpTimes() : begin_(NowNanoseconds()) {
  own_time.clear();
  handle_ = at::addGlobalCallback(at::RecordFunctionCallback(Begin, End).scopes({at::RecordScope::FUNCTION}));
}

OpTimes::~OpTimes() { at::removeCallback(handle_); }

std::string OpTimes::Shares(int most) const {
  const auto all = static_cast<double>(NowNanoseconds() - begin_);
  std::map<std::string, std::int64_t> merged;
  std::int64_t known = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    for (const auto& [name, time] : own_time) {
      // "aten::mkldnn_convolution_" in place and not are one.
      std::string kind(absl::StripPrefix(absl::StripPrefix(name, "aten::"), "mkldnn_"));
      while (!kind.empty() && kind.front() == '_') kind.erase(0, 1);
      while (!kind.empty() && kind.back() == '_') kind.pop_back();
      merged[kind] += time;
      known += time;
    }
  }
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [kind, time] : merged) sorted.emplace_back(time, kind);
  std::sort(sorted.rbegin(), sorted.rend());
  std::string text;
  double rest = all - static_cast<double>(known);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto time = static_cast<double>(sorted[i].first);
    if (i >= static_cast<std::size_t>(most)) {
      rest += time;
    } else {
      absl::StrAppend(&text, sorted[i].second, " ", static_cast<int>(100 * time / all + 0.5), " %, ");
    }
  }
  return absl::StrCat(text, "others ", static_cast<int>(100 * rest / all + 0.5), " %");
}

}  // namespace mannequin
