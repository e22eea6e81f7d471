#include "services/fetcher/robots.h"

#include <string.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr char kHex[] = "0123456789ABCDEF";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool Unreserved(unsigned char c) { return absl::ascii_isalnum(c) || absl::StrContains("-._~", static_cast<char>(c)); }

void AppendEncoded(unsigned char c, std::string& to) {
  to.push_back('%');
  to.push_back(kHex[c >> 4]);
  to.push_back(kHex[c & 15]);
}

// One spelling for each path: %7e becomes ~, %2f becomes %2F, bytes that are not ASCII
// are encoded, and so are "*" and "$" where they are no wildcards. Other reserved
// characters stay as they are: "/" and "%2F" are two things.
std::string Normalised(absl::string_view path, bool is_pattern) {
  std::string text;
  text.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto c = static_cast<unsigned char>(path[i]);
    if (c == '%' && i + 2 < path.size() && HexValue(path[i + 1]) >= 0 && HexValue(path[i + 2]) >= 0) {
      const auto decoded = static_cast<unsigned char>(HexValue(path[i + 1]) << 4 | HexValue(path[i + 2]));
      i += 2;
      if (Unreserved(decoded)) {
        text.push_back(static_cast<char>(decoded));
      } else {
        AppendEncoded(decoded, text);
      }
    } else if (c <= ' ' || c >= 0x7f || (c == '*' && !is_pattern) ||
               (c == '$' && !(is_pattern && i + 1 == path.size()))) {
      AppendEncoded(c, text);
    } else {
      text.push_back(static_cast<char>(c));
    }
  }
  return text;
}

// "a**b" matches what "a*b" does.
std::string Simplified(std::string pattern) {
  pattern.erase(std::unique(pattern.begin(), pattern.end(), [](char a, char b) { return a == '*' && b == '*'; }),
                pattern.end());
  return pattern;
}

// Each part between stars is looked for once, as far left as it can be, and memmem is
// linear: no pattern makes this slow.
bool Matches(absl::string_view pattern, absl::string_view path) {
  const bool to_the_end = absl::ConsumeSuffix(&pattern, "$");
  std::size_t star = pattern.find('*');
  const absl::string_view head = pattern.substr(0, star);
  if (!absl::ConsumePrefix(&path, head)) return false;
  if (star == absl::string_view::npos) return !to_the_end || path.empty();
  pattern.remove_prefix(star + 1);
  while ((star = pattern.find('*')) != absl::string_view::npos) {
    const absl::string_view part = pattern.substr(0, star);
    const void* found = memmem(path.data(), path.size(), part.data(), part.size());
    if (found == nullptr) return false;
    path.remove_prefix(static_cast<const char*>(found) - path.data() + part.size());
    pattern.remove_prefix(star + 1);
  }
  if (to_the_end) return absl::EndsWith(path, pattern);
  return memmem(path.data(), path.size(), pattern.data(), pattern.size()) != nullptr;
}

// "Mannequin/2.0 (x)" is about "mannequin".
std::string Token(absl::string_view value) {
  const auto end = std::find_if(value.begin(), value.end(), [](char c) {
    return !absl::ascii_isalpha(static_cast<unsigned char>(c)) && c != '-' && c != '_';
  });
  return absl::AsciiStrToLower(value.substr(0, end - value.begin()));
}

struct Line {
  // In lower case.
  std::string key;
  absl::string_view value;
};

Line ParseLine(absl::string_view text) {
  text = text.substr(0, text.find('#'));
  const std::size_t colon = text.find(':');
  if (colon == absl::string_view::npos) return {};
  return {absl::AsciiStrToLower(absl::StripAsciiWhitespace(text.substr(0, colon))),
          absl::StripAsciiWhitespace(text.substr(colon + 1))};
}

}  // namespace

Robots Robots::Parse(absl::string_view text, absl::string_view token) {
  absl::ConsumePrefix(&text, kByteOrderMark);
  if (text.size() > kMaxBytes) {
    // The last line is cut: half a rule may forbid more than it says.
    text = text.substr(0, kMaxBytes);
    text = text.substr(0, text.find_last_of("\r\n") + 1);
  }
  Robots ours;
  Robots others;
  bool found = false;
  bool for_us = false;
  bool for_all = false;
  // Names follow one another before the rules that are common to them.
  bool naming = false;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    const Line line = ParseLine(text.substr(0, end));
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
    if (line.key == "user-agent") {
      if (!naming) for_us = for_all = false;
      naming = true;
      for_us = for_us || Token(line.value) == token;
      for_all = for_all || absl::StartsWith(line.value, "*");
      found = found || for_us;
      continue;
    }
    const bool is_rule = line.key == "allow" || line.key == "disallow";
    if (!is_rule && line.key != "crawl-delay") continue;
    naming = false;
    for (Robots* group : {for_us ? &ours : nullptr, for_all ? &others : nullptr}) {
      if (group == nullptr) continue;
      double seconds = 0;
      if (is_rule && !line.value.empty()) {
        group->rules_.push_back({Simplified(Normalised(line.value, true)), line.key == "allow"});
      } else if (!is_rule && absl::SimpleAtod(line.value, &seconds) && std::isfinite(seconds) && seconds > 0) {
        group->crawl_delay_ =
            std::max(group->crawl_delay_, std::min(absl::Seconds(std::min(seconds, 1e6)), kMaxCrawlDelay));
      }
    }
  }
  Robots& chosen = found ? ours : others;
  std::stable_sort(chosen.rules_.begin(), chosen.rules_.end(), [](const Rule& a, const Rule& b) {
    if (a.pattern.size() != b.pattern.size()) return a.pattern.size() > b.pattern.size();
    return a.allow > b.allow;
  });
  chosen.rules_.shrink_to_fit();
  return std::move(chosen);
}

Robots::Verdict Robots::Check(absl::string_view path) const {
  if (rules_.empty() || path == "/robots.txt") return {};
  const std::string normalised = Normalised(path.empty() ? "/" : path, false);
  for (const Rule& rule : rules_) {
    if (!Matches(rule.pattern, normalised)) continue;
    return {rule.allow, absl::StrCat(rule.allow ? "Allow: " : "Disallow: ", rule.pattern)};
  }
  return {};
}

std::size_t Robots::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const Rule& rule : rules_) bytes += sizeof rule + rule.pattern.capacity();
  return bytes;
}

}  // namespace mannequin
