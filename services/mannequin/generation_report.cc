#include "services/mannequin/generation_report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/mannequin/export/output_file.h"

namespace mannequin {
namespace {

constexpr std::size_t kMaxName = 200;  // most file systems take 255 bytes, with the extension

absl::Status Failure(int error, absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(what, " ", path));
}

}  // namespace

std::string SafeFileName(absl::string_view id) {
  std::string name;
  for (const char c : id) {
    const bool stays =
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || (c == '.' && !name.empty());
    if (stays) {
      name += c;
    } else {
      absl::StrAppend(&name, "%",
                      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2))));
    }
  }
  // "%" is followed by a hash where no escape of a whole name ends like that.
  if (name.size() > kMaxName) name = absl::StrCat(name.substr(0, kMaxName - 34), "%~", Sha256Hex(id).substr(0, 32));
  return name;
}

GenerationReport::Key GenerationReport::KeyOf(absl::string_view id) {
  const std::string hex = Sha256Hex(id);
  return {std::strtoull(hex.substr(0, 16).c_str(), nullptr, 16),
          std::strtoull(hex.substr(16, 16).c_str(), nullptr, 16)};
}

absl::StatusOr<std::unique_ptr<GenerationReport>> GenerationReport::Open(const std::string& folder, bool overwrite) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Failure(error.value(), "cannot make", folder);
  auto report = std::unique_ptr<GenerationReport>(new GenerationReport(folder + "/report.jsonl"));
  if (!overwrite && std::filesystem::exists(report->path_, error)) RETURN_IF_ERROR(report->KeepOldLines(folder));
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (overwrite ? O_TRUNC : 0);
  report->fd_ = open(report->path_.c_str(), flags, 0644);
  if (report->fd_ < 0) return Failure(errno, "cannot write", report->path_);
  return report;
}

absl::Status GenerationReport::KeepOldLines(const std::string& folder) {
  std::ifstream in(path_);
  if (!in) return Failure(errno ? errno : EIO, "cannot read", path_);
  ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> kept, OutputFile::Create(path_));
  std::string text;
  while (std::getline(in, text)) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object() || !line.contains("id") || !line["id"].is_string()) continue;
    const bool has_file = line.contains("file") && line["file"].is_string();
    if (!has_file && !line.contains("no_image_reason")) continue;
    std::error_code error;
    if (has_file && !std::filesystem::exists(absl::StrCat(folder, "/", line["file"].get<std::string>()), error)) {
      continue;
    }
    if (!done_.insert(KeyOf(line["id"].get<std::string>())).second) continue;
    RETURN_IF_ERROR(kept->Write(text + "\n"));
  }
  if (in.bad()) return absl::DataLossError(absl::StrCat("cannot read all of ", path_));
  return kept->Finish();
}

GenerationReport::~GenerationReport() {
  if (fd_ >= 0) close(fd_);
}

GenerationReport::Place GenerationReport::Ask(absl::string_view id) {
  const Key key = KeyOf(id);
  if (done_.contains(key)) return Place::kDone;
  return asked_.insert(key).second ? Place::kNew : Place::kAgain;
}

absl::Status GenerationReport::Add(const nlohmann::json& line) {
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  absl::string_view left = text;
  while (!left.empty()) {
    const ssize_t n = write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failure(errno, "cannot write", path_);
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status GenerationReport::Close() {
  if (fd_ < 0) return absl::OkStatus();
  const int failed = fsync(fd_) != 0 ? errno : 0;
  // A pipe or a device cannot be synced and need not be.
  const int closed = close(fd_) != 0 ? errno : 0;
  fd_ = -1;
  if (failed != 0 && failed != EINVAL) return Failure(failed, "cannot sync", path_);
  return closed != 0 ? Failure(closed, "cannot close", path_) : absl::OkStatus();
}

}  // namespace mannequin
