#include "services/store/rocks/rocks_log.h"

#include <array>
#include <cstdio>
#include <string>

#include "absl/strings/ascii.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {

void RocksLog::Logv(rocksdb::InfoLogLevel level, const char* format, std::va_list arguments) {
  if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
  std::array<char, 1024> line{};  // longer ones are cut
  if (std::vsnprintf(line.data(), line.size(), format, arguments) < 0) return;
  spdlog::error("RocksDB: {}", std::string(absl::StripTrailingAsciiWhitespace(line.data())));
}

}  // namespace mannequin::store
