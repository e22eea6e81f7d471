// Any bytes are a robots.txt; the first line of the input is the path that is asked.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "services/fetcher/robots.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using mannequin::Robots;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  const absl::string_view path = input.substr(0, end);
  const Robots robots = Robots::Parse(end == absl::string_view::npos ? "" : input.substr(end + 1), "mannequin");
  if (!robots.Check("/robots.txt").allowed) std::abort();
  if (robots.crawl_delay() > Robots::kMaxCrawlDelay) std::abort();
  const Robots::Verdict verdict = robots.Check(path);
  if (!verdict.allowed && verdict.rule.empty()) std::abort();
  return 0;
}
