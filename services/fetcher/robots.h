// What a site's robots.txt lets us fetch (RFC 9309).
//
//   const Robots robots = Robots::Parse(text, "mannequin");
//   robots.Check("/img/1.jpg?x=1").allowed
//
// Pure and fast whatever the text: it is a stranger's. Groups of the same product token
// are merged; without one of ours, "*" counts. The longest matching rule wins, Allow
// before Disallow; "*" and "$" work; both sides are compared percent-encoded alike.
// Crawl-delay is no part of the RFC, but who writes it means it: it is read, up to 30 s.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mannequin {

// Immutable, so thread-safe.
class Robots {
 public:
  // What is behind it is not read (the RFC asks for at least so much).
  static constexpr std::size_t kMaxBytes = 500 << 10;
  static constexpr absl::Duration kMaxCrawlDelay = absl::Seconds(30);

  // Allows everything.
  Robots() = default;
  // `token` in lower case. Never fails: lines that mean nothing are passed over.
  static Robots Parse(absl::string_view text, absl::string_view token);

  struct Verdict {
    bool allowed = true;
    // The rule that decided, e.g. "Disallow: /img"; empty when none did.
    std::string rule;
  };
  // `path`: with the query, without the fragment; "/robots.txt" itself is always allowed.
  Verdict Check(absl::string_view path) const;

  // Zero: none asked for.
  absl::Duration crawl_delay() const { return crawl_delay_; }
  // Of memory, about.
  std::size_t bytes() const;

 private:
  struct Rule {
    std::string pattern;
    bool allow = false;
  };
  // The first that matches decides.
  std::vector<Rule> rules_;
  absl::Duration crawl_delay_;
};

}  // namespace mannequin
