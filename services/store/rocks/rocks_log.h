// RocksDB's own words in the process's log, from errors on: its warnings are about what our
// statuses say too, or about nothing.
//
// Not in a file of its own: where RocksDB was built with its assertions (Debian's is), a
// line that comes after one that found the disk full would end the process.
#pragma once

#include <cstdarg>

#include "rocksdb/env.h"

namespace mannequin::store {

// Thread-safe.
class RocksLog : public rocksdb::Logger {
 public:
  RocksLog() : Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}
  using Logger::Logv;
  void Logv(rocksdb::InfoLogLevel level, const char* format, std::va_list arguments) override;
  // Lines that have no level are RocksDB's headers and statistics.
  void Logv(const char*, std::va_list) override {}
};

}  // namespace mannequin::store
