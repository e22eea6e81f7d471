// What libcurl's and HTTP's answers mean for an image: the failure that is recorded and
// whether trying again makes sense.
#pragma once

#include <curl/curl.h>

#include <cstdint>

#include "services/fetcher/transfer.h"

namespace mannequin {

// What the transfer's callbacks saw; libcurl reports these only as a broken write.
enum class Stopped {
  kNot,
  kBodyTooLarge,
  kHeaderTooLarge,
  kMemoryShort,
  kEncoded,
};

struct TransferEnd {
  CURLcode code = CURLE_OK;
  long http_status = 0;
  // Of those that libcurl followed by itself.
  long redirects = 0;
  std::int64_t body_bytes = 0;
  Stopped stopped = Stopped::kNot;
  // The address that the filter refused; empty when it refused none.
  std::string forbidden_address;
  // libcurl's own words; may be empty.
  std::string detail;
  // 304 was asked for.
  bool conditional = false;
  // As the origin names it.
  std::string content_encoding;
};

// No byte of an answer: the host was not reached.
bool IsUnreachable(v1::FetchFailure failure);

// Fills failure, message and retry.
TransferResult Explain(const TransferEnd& end);

}  // namespace mannequin
