// The pipe between a training's process and the trainer that started it: v1.TrainingReport,
// each with its length as a varint before it.
#pragma once

#include <optional>
#include <string>

#include "mannequin/v1/training_process.pb.h"

namespace mannequin {

// Not thread-safe.
class ReportWriter {
 public:
  explicit ReportWriter(int fd) : fd_(fd) {}
  // A trainer that reads no more is one that has gone, and takes this process along.
  void Write(const v1::TrainingReport& report) const;

 private:
  const int fd_;
};

// Puts messages together from what was read so far.
class ReportReader {
 public:
  void Add(const char* bytes, std::size_t count) { buffer_.append(bytes, count); }
  // The next whole message; nothing until more was added.
  std::optional<v1::TrainingReport> Next();

 private:
  std::string buffer_;
};

}  // namespace mannequin
