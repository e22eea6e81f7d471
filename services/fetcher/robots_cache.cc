#include "services/fetcher/robots_cache.h"

#include <algorithm>
#include <utility>

namespace mannequin {
namespace {

constexpr absl::Duration kKept = absl::Hours(24);
constexpr absl::Duration kFirstAgain = absl::Seconds(5);
constexpr absl::Duration kMaxAgain = absl::Minutes(5);
constexpr absl::Duration kMaxRetryAfter = absl::Hours(1);

}  // namespace

const RobotsCache::Entry* RobotsCache::Find(const std::string& origin, absl::Time now) {
  const auto found = entries_.find(origin);
  if (found == entries_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return now < found->second->until ? &*found->second : nullptr;
}

RobotsCache::Entry& RobotsCache::Renew(const std::string& origin) {
  const auto [found, is_new] = entries_.try_emplace(origin);
  if (is_new) {
    recent_.emplace_front();
    recent_.front().origin = origin;
    found->second = recent_.begin();
  } else {
    recent_.splice(recent_.begin(), recent_, found->second);
    bytes_ -= recent_.front().robots.bytes();
  }
  return recent_.front();
}

void RobotsCache::Account(Entry& entry) {
  bytes_ += entry.robots.bytes();
  while (recent_.size() > 1 && (recent_.size() > most_origins_ || bytes_ > most_bytes_)) {
    bytes_ -= recent_.back().robots.bytes();
    entries_.erase(recent_.back().origin);
    recent_.pop_back();
  }
}

const RobotsCache::Entry& RobotsCache::Put(const std::string& origin, Robots robots, absl::Time now) {
  Entry& entry = Renew(origin);
  entry.robots = std::move(robots);
  entry.unavailable.clear();
  entry.failures = 0;
  entry.until = now + kKept;
  Account(entry);
  return entry;
}

const RobotsCache::Entry& RobotsCache::PutUnavailable(const std::string& origin, std::string why,
                                                      absl::Duration retry_after, absl::Time now) {
  Entry& entry = Renew(origin);
  entry.robots = Robots();
  entry.unavailable = std::move(why);
  const absl::Duration back_off = std::min(kMaxAgain, kFirstAgain * (1 << std::min(entry.failures, 10)));
  ++entry.failures;
  entry.until = now + std::max(back_off, std::min(retry_after, kMaxRetryAfter));
  Account(entry);
  return entry;
}

}  // namespace mannequin
