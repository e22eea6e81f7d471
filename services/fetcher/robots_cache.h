// The robots.txt of the origins that a crawl has met, so that each is fetched once a day.
//
//   RobotsCache cache(10'000, 64 << 20);
//   if (const RobotsCache::Entry* entry = cache.Find(origin, now)) ...  // else: fetch it
//
// Bounded; those not asked for the longest go first. Not thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "absl/time/time.h"
#include "services/fetcher/robots.h"

namespace mannequin {

class RobotsCache {
 public:
  struct Entry {
    std::string origin;
    Robots robots;
    // Not empty: it could not be had, so that nothing is allowed; e.g. "HTTP 503".
    std::string unavailable;
    // Fetched again from then on.
    absl::Time until;
    int failures = 0;
  };

  RobotsCache(std::size_t most_origins, std::size_t most_bytes)
      : most_origins_(most_origins), most_bytes_(most_bytes) {}

  // Null: to be fetched. Valid until the next Put.
  const Entry* Find(const std::string& origin, absl::Time now);
  // For 24 h.
  const Entry& Put(const std::string& origin, Robots robots, absl::Time now);
  // For 5 s doubling to 5 min, or what the origin asked for, up to an hour.
  const Entry& PutUnavailable(const std::string& origin, std::string why, absl::Duration retry_after, absl::Time now);

  std::size_t origins() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  Entry& Renew(const std::string& origin);
  void Account(Entry& entry);

  const std::size_t most_origins_;
  const std::size_t most_bytes_;
  std::list<Entry> recent_;  // the latest asked for first
  std::unordered_map<std::string, std::list<Entry>::iterator> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace mannequin
