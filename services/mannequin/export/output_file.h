// A file that is there whole or not at all: written beside its path, synced, then renamed.
// Compressed as its name says: ".gz" gzip, ".zst" zstd, anything else plain.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, OutputFile::Create("products.jsonl.gz"));
//   RETURN_IF_ERROR(file->Write(lines));
//   RETURN_IF_ERROR(file->Finish());   // without it nothing is left behind
//
// Constant memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// Not thread-safe.
class OutputFile {
 public:
  // "-" is standard output, plain, written as it comes. NOT_FOUND, PERMISSION_DENIED and the
  // like with the path; INVALID_ARGUMENT for a folder.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path);
  // Without Finish the file is removed; one that was there before stays.
  virtual ~OutputFile() = default;

  // RESOURCE_EXHAUSTED when the disk is full.
  virtual absl::Status Write(absl::string_view bytes) = 0;
  // Writes what is left, syncs and renames. An older file of that name is replaced.
  virtual absl::Status Finish() = 0;
  // Of the file as it lies on disk; all of them after Finish.
  virtual int64_t file_bytes() const = 0;
};

}  // namespace mannequin
