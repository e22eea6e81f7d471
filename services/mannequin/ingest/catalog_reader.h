// The products of a catalogue file, in its order, parsed on all cores.
//
//   ASSIGN_OR_RETURN(auto reader, CatalogReader::Start(*source, {.catalog = path}));
//   while (true) {
//     ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader->Next());
//     if (chunk == nullptr) break;
//     ...
//     reader->Recycle(std::move(chunk));
//   }
//
// One thread reads and inflates, `threads` parse, each a chunk of its own; Next waits for
// the chunks in order. A few are on the way at any time: the slowest stage sets the pace
// and memory stays the same whatever the file's size.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "services/mannequin/ingest/bounded_queue.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/chunk_parser.h"
#include "services/mannequin/ingest/line_reader.h"

namespace mannequin {

// Used by one thread.
class CatalogReader {
 public:
  struct Options {
    // What messages call the file.
    std::string catalog;
    // Empty: found by looking at the first lines.
    std::string format = {};
    bool strict = false;
    int64_t max_line_bytes = 16 << 20;
    // 0: one a core.
    int threads = 0;
  };

  // Reads as much as it takes to know the format. INVALID_ARGUMENT: an unknown format's
  // name; a file without a line; nothing in the first lines is a product. Otherwise the
  // source's error. `source` must outlive the reader.
  static absl::StatusOr<std::unique_ptr<CatalogReader>> Start(ByteSource& source, Options options);
  // Joins its threads.
  ~CatalogReader();

  absl::string_view format() const { return format_; }
  // Leaves out the first `text_bytes` of the file's text, whole lines; once, before Next.
  // FAILED_PRECONDITION when no line ends there.
  absl::Status SkipTo(int64_t text_bytes);
  // Null at the end. The source's error after every line before it was given.
  absl::StatusOr<std::unique_ptr<ParsedChunk>> Next();
  // Takes a chunk back, to be filled again.
  void Recycle(std::unique_ptr<ParsedChunk> chunk);

 private:
  // A chunk on its way.
  struct Work {
    LineChunk chunk;
    // Where its records begin, and the lines before that.
    size_t begin = 0;
    int64_t lines_before = 0;
    std::unique_ptr<ParsedChunk> parsed;
    absl::Notification done;
  };

  CatalogReader(ByteSource& source, Options options);
  absl::Status FindFormat();
  void StartThreads();
  absl::Status ReadLines();
  bool Pass(std::shared_ptr<Work> work);
  void ParseChunks(ChunkParser& parser);

  const Options options_;
  const int thread_count_;
  LineReader lines_;
  std::string format_;
  std::unique_ptr<RecordFormat> prototype_;
  // Read while the format was looked for.
  std::vector<std::shared_ptr<Work>> first_;
  bool started_ = false;
  BoundedQueue<std::shared_ptr<Work>> to_parse_;
  // The same, in order, for Next.
  BoundedQueue<std::shared_ptr<Work>> in_order_;
  BoundedQueue<std::unique_ptr<ParsedChunk>> spares_;
  // The reading thread's, until in_order_ has ended.
  absl::Status read_status_;
  std::vector<std::thread> threads_;
};

}  // namespace mannequin
