// The units of text that a bundle has vectors for, and how a text becomes them.
//
//   WordCounter words;
//   words.Add("acme running shoe");
//   Vocabulary vocabulary = Vocabulary::Build(words, *tokenizer, /*min_count=*/2);
//   vocabulary.ForEachUnit("acme running shoe", *tokenizer, [](std::int32_t unit) { ... });
//
// Shops' words mean something of their own ("S23C550H" is a word), so every normalised word
// seen `min_count` times is a unit. A rarer word stands for its SentencePiece pieces, so that
// a new model number still shares its head with its family; so does a word of a script
// without blanks, which is likely a phrase. Byte pieces and single ASCII characters are no
// units: they are in everything.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/text/bounded_counter.h"
#include "common/text/tokenizer.h"

namespace mannequin {

// Calls `visit` for each word of normalised text.
template <typename Visit>
void ForEachWord(absl::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// How often each word was seen. Of more than `max_words` different ones the rare ones are
// forgotten (bounded_counter.h).
class WordCounter {
 public:
  explicit WordCounter(std::size_t max_words = 8'000'000) : counter_(max_words) {}
  // `text` is normalised.
  void Add(absl::string_view text);
  bool empty() const { return counter_.counts().empty(); }
  std::size_t size() const { return counter_.counts().size(); }
  // Most frequent first, words breaking ties.
  std::vector<WordCount> Sorted() const;

 private:
  BoundedCounter counter_;
};

// Units by number. Thread-safe once built.
class Vocabulary {
 public:
  // `words` as WordCounter::Sorted gives them.
  static Vocabulary Build(const std::vector<WordCount>& words, const Tokenizer& tokenizer, int min_count);

  // The number of a unit, or -1. A word has U+2581 before it, as in SentencePiece.
  std::int32_t Find(absl::string_view unit) const;
  // Adds one that is not there yet.
  void Add(std::string unit);
  std::int32_t size() const { return static_cast<std::int32_t>(units_.size()); }
  const std::string& unit(std::int32_t i) const { return units_[i]; }

  // Calls known(number) for each unit of normalised `text`, in order, and
  // piece(name, number or -1) for each piece of a word that is no unit itself.
  template <typename Known, typename Piece>
  void ForEachUnit(absl::string_view text, const Tokenizer& tokenizer, const Known& known, const Piece& piece) const {
    std::string key;
    ForEachWord(text, [&](absl::string_view word) {
      key.assign(kWordMark);
      key.append(word.data(), word.size());
      if (const std::int32_t number = Find(key); number >= 0) {
        known(number);
        return;
      }
      for (std::string& name : tokenizer.Pieces(word)) {
        const std::int32_t number = MayBeUnit(name) ? Find(name) : -1;
        piece(std::move(name), number);
      }
    });
  }
  // The numbers alone, appended to `units`.
  void AppendUnits(absl::string_view text, const Tokenizer& tokenizer, std::vector<std::int32_t>* units) const {
    ForEachUnit(
        text, tokenizer, [&](std::int32_t number) { units->push_back(number); },
        [&](const std::string&, std::int32_t number) {
          if (number >= 0) units->push_back(number);
        });
  }

  // Stands before a word's first piece.
  static constexpr char kWordMark[] = "\u2581";
  // False for pieces that say nothing of a product: bytes, and single ASCII characters.
  static bool MayBeUnit(absl::string_view piece);

 private:
  std::vector<std::string> units_;
  absl::flat_hash_map<std::string, std::int32_t> numbers_;
};

}  // namespace mannequin
