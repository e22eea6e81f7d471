// Words, one blank between them, without those that repeat what stands before them.
//
//   WordJoiner words(bytes);
//   words.Add('a'); words.EndWord();
//   std::string text = std::move(words).Take();
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace mannequin {

class WordJoiner {
 public:
  // Room for `bytes`: more is taken when it is needed.
  explicit WordJoiner(std::size_t bytes) { out_.reserve(bytes + 1); }

  void Add(char c) {
    Open();
    out_.push_back(c);
  }

  void Add(absl::string_view bytes) {
    Open();
    out_.append(bytes.data(), bytes.size());
  }

  // Nothing when no word is open. A word equal to the one before it is left out; so is
  // a pair of words equal to the pair before it.
  void EndWord() {
    if (!open_) return;
    open_ = false;
    const std::size_t n = starts_.size();
    if (n >= 2 && Word(n - 1) == Word(n - 2)) return Drop(1);
    if (n >= 4 && Word(n - 1) == Word(n - 3) && Word(n - 2) == Word(n - 4)) Drop(2);
  }

  std::string Take() && { return std::move(out_); }

 private:
  void Open() {
    if (open_) return;
    open_ = true;
    if (!out_.empty()) out_.push_back(' ');
    starts_.push_back(out_.size());
  }

  absl::string_view Word(std::size_t i) const {
    const std::size_t end = i + 1 < starts_.size() ? starts_[i + 1] - 1 : out_.size();
    return absl::string_view(out_).substr(starts_[i], end - starts_[i]);
  }

  void Drop(std::size_t words) {
    starts_.resize(starts_.size() - words);
    const absl::string_view last = Word(starts_.size() - 1);
    // The last word's end is not known from the next one's start now: find it.
    out_.resize(starts_.back() + std::min(last.find(' '), last.size()));
  }

  std::string out_;
  bool open_ = false;
  absl::InlinedVector<std::size_t, 64> starts_;
};

}  // namespace mannequin
