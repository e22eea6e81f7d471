#include "common/model/derived_attributes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "common/model/derived_words.h"
#include "common/store/product_bounds.h"

namespace mannequin {
namespace {

// A text of more words is no title.
constexpr size_t kMostTokens = 256;

struct Token {
  uint16_t begin;
  uint16_t end;
  // Null: a word that we do not know, or one inside the brand.
  const TitleWord* word;

  bool Is(uint16_t use) const { return word != nullptr && (word->uses & use) != 0; }
  absl::string_view value() const { return word->value.empty() ? word->text : word->value; }
};

// A letter or digit of ASCII in lower case, a byte beyond ASCII as it is; '\0' for the others.
constexpr std::array<char, 256> LowerTable() {
  std::array<char, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = static_cast<char>(c);
  for (int c = 'a'; c <= 'z'; ++c) {
    table[static_cast<size_t>(c)] = static_cast<char>(c);
    table[static_cast<size_t>(c - 'a' + 'A')] = static_cast<char>(c);
  }
  for (int c = 0x80; c <= 0xFF; ++c) table[static_cast<size_t>(c)] = static_cast<char>(c);
  return table;
}
constexpr std::array<char, 256> kLower = LowerTable();

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// A text in lower case, with zeros where no word is, and a bit a byte that says the same:
// words are then found and loaded without looking at each character.
class LowerText {
 public:
  static constexpr size_t kMostBytes = 4096;

  // At most kMostBytes.
  explicit LowerText(absl::string_view text) : size_(text.size()) {
    unsigned char high = 0;
    for (size_t i = 0; i < size_; i += 64) {
      const size_t count = std::min<size_t>(64, size_ - i);
      uint64_t bits = 0;
      for (size_t k = 0; k < count; ++k) {
        const unsigned char byte = static_cast<unsigned char>(text[i + k]);
        high |= byte;
        lower_[i + k] = kLower[byte];
        bits |= static_cast<uint64_t>(kLower[byte] != '\0') << k;
      }
      words_[i / 64] = bits;
    }
    if (high >= 0x80) CutAtSigns(text);
  }

  // Calls `visit(begin, end, word)` for each word, in order; `word` null for one that we do
  // not know. Ends when `visit` answers false.
  template <typename Visit>
  void ForEachWord(Visit&& visit) const {
    for (size_t begin = Next(0, 0); begin < size_;) {
      const size_t end = std::min(size_, Next(begin, ~uint64_t{0}));
      if (!visit(begin, end, FindTitleWord(TitleWordKey(lower_.data() + begin, end - begin)))) return;
      begin = end < size_ ? Next(end, 0) : size_;
    }
  }
  bool IsWord(size_t at) const { return (words_[at / 64] >> (at % 64) & 1) != 0; }

 private:
  // The first place from `at` on whose bit differs from those of `same` (all 0 or all 1);
  // size_ or more when there is none.
  size_t Next(size_t at, uint64_t same) const {
    for (size_t i = at / 64; i * 64 < size_; ++i) {
      const uint64_t differ = (words_[i] ^ same) & (i == at / 64 ? ~uint64_t{0} << (at % 64) : ~uint64_t{0});
      if (differ != 0) return i * 64 + static_cast<size_t>(__builtin_ctzll(differ));
    }
    return size_;
  }

  // Of the characters beyond ASCII the general punctuation, the letter-like signs and the
  // signs of Latin-1 are no letters: U+2019 in "Men’s", dashes, the trademark.
  void CutAtSigns(absl::string_view text) {
    for (size_t i = 0; i < size_; ++i) {
      const unsigned char byte = static_cast<unsigned char>(text[i]);
      const char second = i + 1 < size_ ? text[i + 1] : '\0';
      const bool sign = byte == 0xE2 && (second == '\x80' || second == '\x84');
      const size_t bytes = byte == 0xC2 ? 2 : sign ? 3 : 0;
      for (size_t k = i; k < std::min(size_, i + bytes); ++k) {
        lower_[k] = '\0';
        words_[k / 64] &= ~(uint64_t{1} << (k % 64));
      }
    }
  }

  const size_t size_;
  std::array<char, kMostBytes + TitleWordKey::kLongest> lower_;
  std::array<uint64_t, kMostBytes / 64> words_;
};

// A title's words: runs of ASCII letters and digits and of letters beyond ASCII.
class Tokens {
 public:
  explicit Tokens(absl::string_view title) : title_(title.substr(0, LowerText::kMostBytes)), lower_(title_) {
    lower_.ForEachWord([this](size_t begin, size_t end, const TitleWord* word) {
      if (size_ == kMostTokens) {
        size_ = uses_ = 0;
        return false;
      }
      if (word != nullptr) uses_ |= word->uses;
      tokens_[size_++] = {static_cast<uint16_t>(begin), static_cast<uint16_t>(end), word};
      return true;
    });
  }

  size_t size() const { return size_; }
  const Token& operator[](size_t i) const { return tokens_[i]; }
  bool Is(size_t i, uint16_t use) const { return i < size_ && tokens_[i].Is(use); }
  // Whether some word of the title has one of `uses`.
  bool Any(uint16_t uses) const { return (uses_ & uses) != 0; }
  absl::string_view Text(size_t i) const {
    return title_.substr(tokens_[i].begin, static_cast<size_t>(tokens_[i].end - tokens_[i].begin));
  }
  // The character before and behind a token; '\0' at the title's ends.
  char Before(size_t i) const { return tokens_[i].begin == 0 ? '\0' : title_[tokens_[i].begin - 1u]; }
  char Behind(size_t i, size_t characters = 0) const {
    const size_t at = tokens_[i].end + characters;
    return at < title_.size() ? title_[at] : '\0';
  }

  // Forgets what is known of the words inside `brand`.
  void Hide(absl::string_view brand) {
    if (brand.empty()) return;
    for (size_t first = 0; first < size_; ++first) {
      const size_t begin = tokens_[first].begin;
      const size_t end = begin + brand.size();
      if (!absl::StartsWithIgnoreCase(title_.substr(begin), brand)) continue;
      if (end < title_.size() && lower_.IsWord(end)) continue;  // the brand is part of a word only
      for (size_t i = first; i < size_ && tokens_[i].begin < end; ++i) tokens_[i].word = nullptr;
    }
  }

 private:
  const absl::string_view title_;
  const LowerText lower_;
  std::array<Token, kMostTokens> tokens_;
  size_t size_ = 0;
  uint16_t uses_ = 0;
};

// One value, several, or a doubt.
class Single {
 public:
  void Add(absl::string_view first, absl::string_view second = {}) {
    doubt_ |= !first_.empty() && (first != first_ || second != second_);
    first_ = first;
    second_ = second;
  }
  void Doubt() { doubt_ = true; }
  bool certain() const { return !doubt_ && !first_.empty(); }
  // Adds the attribute, of one word or two.
  void Put(absl::string_view name, v1::Product* product) const {
    v1::Attribute* const attribute = product->add_attributes();
    attribute->mutable_name()->assign(name.data(), name.size());
    std::string* const value = attribute->mutable_value();
    value->assign(first_.data(), first_.size());
    if (!second_.empty()) value->append(1, ' ').append(second_.data(), second_.size());
    attribute->set_derived(true);
  }

 private:
  absl::string_view first_;
  absl::string_view second_;
  bool doubt_ = false;
};

Single ColorOf(const Tokens& tokens) {
  Single color;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t first = i;
    const bool shaded =
        tokens.Is(i, kShade) && tokens.Is(i + 1, kColor) && IsShade(tokens[i].word->text, tokens[i + 1].value());
    if (shaded) ++i;
    if (!shaded && !tokens.Is(i, kColor)) {
      if (tokens.Is(i, kMaybeColor)) color.Doubt();
      continue;
    }
    // "Whi/blue": the other half may be a colour that is written in some short way.
    if (tokens.Before(first) == '/' || tokens.Behind(i) == '/') color.Doubt();
    if (tokens.Is(i + 1, kNotItsColor)) color.Doubt();
    if (shaded) {
      color.Add(tokens[first].word->text, tokens[i].value());
    } else {
      color.Add(tokens[i].value());
    }
  }
  return color;
}

Single GenderOf(const Tokens& tokens) {
  Single gender;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool possessive =
        tokens.Is(i, kSingularGender) && i + 1 < tokens.size() && absl::EqualsIgnoreCase(tokens.Text(i + 1), "s");
    if (!possessive && !tokens.Is(i, kGender)) continue;
    if (tokens.Before(i) == '-') gender.Doubt();
    gender.Add(tokens[i].value());
  }
  return gender;
}

Single MaterialOf(const Tokens& tokens) {
  Single material;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens.Is(i, kMaterial)) continue;
    if (tokens.Is(i + 1, kNotItsMaterial)) material.Doubt();
    if (i > 0 && tokens.Is(i - 1, kImitation)) {
      material.Add(tokens[i - 1].value(), tokens[i].value());
    } else {
      material.Add(tokens[i].value());
    }
  }
  return material;
}

// A number of clothes or shoes: up to 60, a half at most behind it.
absl::string_view SizeNumber(const Tokens& tokens, size_t i) {
  constexpr int kLargest = 60;
  const absl::string_view text = tokens.Text(i);
  if (text.size() > 2 || !std::all_of(text.begin(), text.end(), IsDigit)) return {};
  const int number = text.size() == 1 ? text[0] - '0' : (text[0] - '0') * 10 + text[1] - '0';
  if (number == 0 || number > kLargest) return {};
  const char behind = tokens.Behind(i);
  if ((behind == '-' || behind == '/' || behind == ',') && IsDigit(tokens.Behind(i, 1))) return {};  // a range
  if (behind != '.' || !IsDigit(tokens.Behind(i, 1))) return text;
  if (tokens.Text(i + 1) != "5") return {};
  return absl::string_view(text.data(), text.size() + 2);
}

Single SizeOf(const Tokens& tokens) {
  Single size;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!tokens.Is(i, kSizeMarker)) continue;
    if (i > 0 && tokens.Is(i - 1, kNotItsSize)) continue;
    const bool name = tokens.Is(i + 1, kSizeName);
    const absl::string_view text = name ? tokens.Text(i + 1) : SizeNumber(tokens, i + 1);
    const bool half = text.size() > tokens.Text(i + 1).size();
    if (text.empty() || tokens.Is(i + (half ? 3 : 2), kNotItsSize)) {
      size.Doubt();
    } else {
      size.Add(text);
    }
  }
  return size;
}

// What the words of the category path are, all together.
uint16_t UsesOfPath(const v1::Product& product) {
  uint16_t uses = 0;
  for (const std::string& part : product.category_path()) {
    LowerText(absl::string_view(part).substr(0, kMaxCategoryPartBytes))
        .ForEachWord([&uses](size_t, size_t, const TitleWord* word) {
          if (word != nullptr) uses |= word->uses;
          return true;
        });
  }
  return uses;
}

bool HasAny(const v1::Product& product, std::initializer_list<absl::string_view> names) {
  for (const v1::Attribute& attribute : product.attributes()) {
    if (std::find(names.begin(), names.end(), absl::string_view(attribute.name())) != names.end()) return true;
  }
  return false;
}

}  // namespace

void DeriveAttributes(v1::Product* product) {
  Tokens tokens(product->title());
  if (!tokens.Any(kColor | kGender | kSingularGender | kMaterial | kSizeMarker)) return;
  const uint16_t path = UsesOfPath(*product);
  if ((path & kOfWorks) != 0) return;
  tokens.Hide(product->brand());
  const auto put = [product](const Single& found, absl::string_view name,
                             std::initializer_list<absl::string_view> given) {
    if (!found.certain() || product->attributes_size() >= kMaxAttributes || HasAny(*product, given)) return;
    found.Put(name, product);
  };
  if (tokens.Any(kColor) && (path & kOfTastes) == 0) put(ColorOf(tokens), "color", {"color", "colour"});
  if (tokens.Any(kGender | kSingularGender)) {
    put(GenderOf(tokens), "gender", {"gender", "department", "target_gender"});
  }
  if (tokens.Any(kMaterial)) put(MaterialOf(tokens), "material", {"material", "fabric"});
  if (tokens.Any(kSizeMarker)) put(SizeOf(tokens), "size", {"size"});
}

}  // namespace mannequin
