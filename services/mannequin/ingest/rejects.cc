#include "services/mannequin/ingest/rejects.h"

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace mannequin {

Rejects::Rejects(std::string catalog, std::string path, size_t max_messages)
    : catalog_(std::move(catalog)), path_(std::move(path)), max_messages_(max_messages), file_(nullptr, std::fclose) {}

absl::Status Rejects::Open(bool append) {
  if (path_.empty()) return absl::OkStatus();
  file_.reset(std::fopen(path_.c_str(), append ? "ae" : "we"));
  if (file_ == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write rejects to ", path_));
  return absl::OkStatus();
}

std::string Rejects::Describe(int64_t line_number, const RecordError& error) const {
  return DescribeFault(catalog_, line_number, error);
}

void Rejects::Add(int64_t line_number, const RecordError& error, absl::string_view raw) {
  if (++count_ == 1) first_ = Describe(line_number, error);
  if (messages_.size() < max_messages_) {
    messages_.push_back(absl::StrCat(Describe(line_number, error), " (line skipped; --strict stops here)"));
  }
  if (file_ == nullptr || write_errno_ != 0) return;
  const std::string row = absl::StrCat(line_number, "\t", error.what, "\t", raw, "\n");
  if (std::fwrite(row.data(), 1, row.size(), file_.get()) != row.size()) write_errno_ = errno;
}

absl::Status Rejects::Close() {
  if (file_ == nullptr) return absl::OkStatus();
  if (std::fclose(file_.release()) != 0 && write_errno_ == 0) write_errno_ = errno;
  if (write_errno_ == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(write_errno_, absl::StrCat("cannot write rejects to ", path_));
}

}  // namespace mannequin
