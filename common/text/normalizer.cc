#include "common/text/normalizer.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/text/html_entities.h"
#include "common/text/tokenizer.h"
#include "common/text/utf8.h"

namespace mannequin {
namespace {

bool IsTrademarkSign(std::int32_t code) {
  return code == 0xA9 || code == 0xAE || code == 0x2122 || code == 0x2120 || code == 0x2117;
}

// What separates words, beyond ASCII. After NFKC and case folding.
bool IsSeparator(std::int32_t code) {
  return (code >= 0x80 && code <= 0xBF) || code == 0xD7 || code == 0xF7 ||  // C1 controls, Latin-1 punctuation
         (code >= 0x2000 && code <= 0x206F && code != 0x200D) ||            // general punctuation; joiner makes emoji
         (code >= 0x3000 && code <= 0x3004) || (code >= 0x3008 && code <= 0x3020) || code == 0x3030 ||
         (code >= 0xFE50 && code <= 0xFE6F) || code == 0xFEFF || code == 0xFFFD;
}

// The first fault's place, or npos.
std::size_t FirstInvalidByte(absl::string_view text) {
  const std::size_t size = text.size();
  while (!text.empty()) {
    if (TakeCodePoint(text) < 0) return size - text.size();
  }
  return absl::string_view::npos;
}

bool IsAscii(absl::string_view text) {
  for (const char c : text) {
    if (static_cast<signed char>(c) < 0) return false;
  }
  return true;
}

std::string WithoutTrademarkSigns(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::int32_t code = TakeCodePoint(text);
    if (!IsTrademarkSign(code)) AppendCodePoint(code, out);
  }
  return out;
}

// Appends words to `out`, one space between them, leaving out adjacent repeats.
class WordJoiner {
 public:
  explicit WordJoiner(std::string& out) : out_(out) {}

  void Add(absl::string_view bytes) {
    if (!inside_) {
      start_ = out_.size() + (out_.empty() ? 0 : 1);
      if (!out_.empty()) out_.push_back(' ');
      inside_ = true;
    }
    out_.append(bytes.data(), bytes.size());
  }

  void EndWord() {
    if (!inside_) return;
    inside_ = false;
    const absl::string_view all = out_;
    const std::size_t length = all.size() - start_;
    if (last_length_ == length && all.substr(last_start_, length) == all.substr(start_)) {
      out_.resize(start_ - 1);
      return;
    }
    last_start_ = start_;
    last_length_ = length;
  }

 private:
  std::string& out_;
  bool inside_ = false;
  std::size_t start_ = 0, last_start_ = 0, last_length_ = 0;
};

std::string Words(absl::string_view text) {
  std::string out;
  out.reserve(text.size() + 1);
  WordJoiner joiner(out);
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) {
      const char lower = absl::ascii_tolower(first);
      absl::ascii_isalnum(first) ? joiner.Add(absl::string_view(&lower, 1)) : joiner.EndWord();
      text.remove_prefix(1);
      continue;
    }
    const absl::string_view before = text;
    const std::int32_t code = TakeCodePoint(text);
    IsSeparator(code) ? joiner.EndWord() : joiner.Add(before.substr(0, before.size() - text.size()));
  }
  joiner.EndWord();
  return out;
}

}  // namespace

absl::StatusOr<std::string> Normalize(absl::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("text: ", text.size(), " bytes are over the bound of ", kMaxTextBytes));
  }
  std::string decoded;
  if (text.find('&') != absl::string_view::npos) {
    decoded = DecodeHtmlEntities(DecodeHtmlEntities(text));
    text = decoded;
  }
  if (IsAscii(text)) return Words(text);
  if (const std::size_t fault = FirstInvalidByte(text); fault != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("text: not UTF-8 at byte ", fault));
  }
  return Words(FoldUnicode(WithoutTrademarkSigns(text)));
}

}  // namespace mannequin
