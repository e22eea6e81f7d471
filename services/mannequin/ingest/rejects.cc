#include "services/mannequin/ingest/rejects.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

// Of the whole rows at the file's beginning that are about lines up to `last`.
std::uintmax_t BytesOfRows(const std::string& path, int64_t last) {
  std::ifstream file(path, std::ios::binary);
  std::uintmax_t bytes = 0;
  for (std::string row; std::getline(file, row) && !file.eof(); bytes += row.size() + 1) {
    int64_t line = 0;
    const bool is_row = absl::SimpleAtoi(absl::string_view(row).substr(0, row.find('\t')), &line);
    if (!is_row || line > last) break;
  }
  return bytes;
}

}  // namespace

Rejects::Rejects(std::string catalog, std::string path, size_t max_messages)
    : catalog_(std::move(catalog)), path_(std::move(path)), max_messages_(max_messages), file_(nullptr, std::fclose) {}

absl::Status Rejects::Open(int64_t lines_before) {
  if (path_.empty()) return absl::OkStatus();
  const std::uintmax_t kept = lines_before > 0 ? BytesOfRows(path_, lines_before) : 0;
  file_.reset(std::fopen(path_.c_str(), kept > 0 ? "ae" : "we"));
  if (file_ == nullptr || (kept > 0 && ftruncate(fileno(file_.get()), static_cast<off_t>(kept)) != 0)) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write rejects to ", path_));
  }
  return absl::OkStatus();
}

absl::Status Rejects::Sync() {
  if (file_ == nullptr) return absl::OkStatus();
  const bool synced = std::fflush(file_.get()) == 0 && (fdatasync(fileno(file_.get())) == 0 || errno == EINVAL);
  if (!synced && write_errno_ == 0) write_errno_ = errno;
  if (write_errno_ == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(write_errno_, absl::StrCat("cannot write rejects to ", path_));
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
  const std::string row = absl::StrCat(line_number, "\t", Printable(error.what), "\t", raw, "\n");
  if (std::fwrite(row.data(), 1, row.size(), file_.get()) != row.size()) write_errno_ = errno;
}

absl::Status Rejects::Close() {
  if (file_ == nullptr) return absl::OkStatus();
  if (std::fclose(file_.release()) != 0 && write_errno_ == 0) write_errno_ = errno;
  if (write_errno_ == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(write_errno_, absl::StrCat("cannot write rejects to ", path_));
}

}  // namespace mannequin
