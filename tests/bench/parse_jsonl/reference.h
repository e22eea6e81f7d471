// The peer of bench_parse_jsonl: simdjson on demand, walking the fields that the format
// keeps and adding up the bytes of their strings. It checks no bound, makes no message and
// names no place.
#pragma once

#include <cstddef>
#include <memory>

namespace mannequin {

class ReferenceWalker {
 public:
  ReferenceWalker();
  ~ReferenceWalker();
  // Bytes of text in the fields of one line; 0 when it is no JSON. 64 bytes behind the line
  // can be read. `amazon`: a record of amazon-2023, otherwise one of jsonl.
  size_t Walk(const char* line, size_t size, bool amazon);

 private:
  struct Parser;
  const std::unique_ptr<Parser> parser_;
};

}  // namespace mannequin
