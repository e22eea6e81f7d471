#include "common/text/vocabulary.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/text/normalizer.h"

namespace mannequin {
namespace {

// The most frequent ones; the rest stand for their pieces.
constexpr std::size_t kMaxUnits = 500'000;

// Most frequent first, names breaking ties.
void Sort(std::vector<WordCount>* counts) {
  std::sort(counts->begin(), counts->end(), [](const WordCount& a, const WordCount& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
}

}  // namespace

void WordCounter::Add(absl::string_view text) {
  ForEachWord(text, [this](absl::string_view word) { counter_.Add(word); });
}

std::vector<WordCount> WordCounter::Sorted() const {
  std::vector<WordCount> sorted(counter_.counts().begin(), counter_.counts().end());
  Sort(&sorted);
  return sorted;
}

Vocabulary Vocabulary::Build(const std::vector<WordCount>& words, const Tokenizer& tokenizer, int min_count) {
  Vocabulary vocabulary;
  absl::flat_hash_map<std::string, std::int64_t> pieces;
  for (const auto& [word, count] : words) {
    if (count >= min_count && static_cast<std::size_t>(vocabulary.size()) < kMaxUnits && !IsUnspacedScript(word)) {
      vocabulary.Add(kWordMark + word);
      continue;
    }
    for (std::string& piece : tokenizer.Pieces(word)) {
      if (MayBeUnit(piece)) pieces[std::move(piece)] += count;
    }
  }
  std::vector<WordCount> sorted(pieces.begin(), pieces.end());
  Sort(&sorted);
  for (std::size_t i = 0; i < std::min(sorted.size(), kMaxUnits) && sorted[i].second >= min_count; ++i) {
    if (vocabulary.Find(sorted[i].first) < 0) vocabulary.Add(std::move(sorted[i].first));
  }
  return vocabulary;
}

std::int32_t Vocabulary::Find(absl::string_view unit) const {
  const auto found = numbers_.find(unit);
  return found == numbers_.end() ? -1 : found->second;
}

void Vocabulary::Add(std::string unit) {
  numbers_.emplace(unit, size());
  units_.push_back(std::move(unit));
}

bool Vocabulary::MayBeUnit(absl::string_view piece) {
  if (absl::StartsWith(piece, "<0x") || piece == "<unk>" || piece == kWordMark) return false;
  if (absl::StartsWith(piece, kWordMark)) piece.remove_prefix(sizeof(kWordMark) - 1);
  return piece.size() > 1;
}

}  // namespace mannequin
