// What an origin says to a request, and what it does to the connection.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/origin/crawl_origin.h"
#include "tests/origin/ledger.h"
#include "tests/origin/pictures.h"
#include "tests/origin/request_head.h"

namespace mannequin {

struct Answer {
  enum class Then { kNextRequest, kClose, kReset, kStall };

  // 0: none is sent.
  int status = 0;
  // Head and body: `own`, or when that is empty `shared`, which lives as long as the
  // pictures.
  std::string own;
  absl::string_view shared;
  std::int64_t body_bytes = 0;
  Then then = Then::kNextRequest;

  absl::string_view bytes() const { return own.empty() ? shared : absl::string_view(own); }
};

// Thread-safe.
class Answerer {
 public:
  // All must outlive it.
  Answerer(const Pictures& pictures, const CrawlOriginOptions& options, Ledger& ledger);

  // Counts the request, and decides. `used_connection`: it has answered before.
  Answer To(const RequestHead& head, bool used_connection) const;

 private:
  Answer Usual(const RequestHead& head) const;
  Answer Spoilt(Fault fault, const RequestHead& head, Answer usual) const;

  const Pictures& pictures_;
  const CrawlOriginOptions& options_;
  const FaultPlan plan_;
  Ledger& ledger_;
};

}  // namespace mannequin
