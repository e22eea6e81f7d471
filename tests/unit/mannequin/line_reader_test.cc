#include "services/mannequin/ingest/line_reader.h"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/mannequin/compressed.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

class LineReaderTest : public ::testing::Test {
 protected:
  LineReaderTest() : folder_(*MakeTemporaryFolder("line_reader_test")) {}
  ~LineReaderTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& bytes) {
    const std::string path = folder_ + "/catalogue";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  // All chunks, "<N>" for a dropped line of N bytes, and the error at the end.
  struct Outcome {
    std::string text;
    absl::Status status;
    std::string compression;
    int64_t file_bytes_read = 0;
  };
  static Outcome ReadAll(const std::string& path, LineReader::Limits limits = {.piece_bytes = 4096}) {
    Outcome outcome;
    absl::StatusOr<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
    if (!source.ok()) {
      outcome.status = source.status();
      return outcome;
    }
    LineReader reader(**source, limits);
    LineChunk chunk;
    while (true) {
      const absl::StatusOr<bool> more = reader.Next(&chunk);
      outcome.status = more.status();
      if (!more.ok() || !*more) break;
      outcome.text += chunk.dropped_line_bytes > 0 ? absl::StrCat("<", chunk.dropped_line_bytes, ">") : chunk.text;
      EXPECT_TRUE(chunk.dropped_line_bytes > 0 || !chunk.text.empty());
    }
    outcome.compression = std::string((*source)->compression());
    outcome.file_bytes_read = (*source)->file_bytes_read();
    return outcome;
  }

  static std::string Lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) absl::StrAppend(&text, "line ", i, " of many ", i * 7919 % 1009, "\n");
    return text;
  }

  const std::string folder_;
};

TEST_F(LineReaderTest, EveryCompressionGivesTheSameLines) {
  const std::string plain = Lines(50'000);
  for (const std::string& bytes : {plain, Gzip(plain), Zstd(plain)}) {
    const Outcome outcome = ReadAll(Write(bytes));
    EXPECT_EQ(outcome.status.code(), absl::StatusCode::kOk) << outcome.status;
    EXPECT_TRUE(outcome.text == plain) << outcome.compression;
    EXPECT_EQ(outcome.file_bytes_read, static_cast<int64_t>(bytes.size()));
  }
  EXPECT_EQ(ReadAll(Write(Gzip(plain))).compression, "gzip");
  EXPECT_EQ(ReadAll(Write(Zstd(plain))).compression, "zstd");
  EXPECT_EQ(ReadAll(Write(plain)).compression, "plain");
}

TEST_F(LineReaderTest, MembersAndFramesAreJoined) {
  const std::string a = Lines(3000), b = "a line that begins here ", c = "and ends here\n" + Lines(10);
  EXPECT_TRUE(ReadAll(Write(Gzip(a) + Gzip(b) + Gzip("") + Gzip(c))).text == a + b + c);
  EXPECT_TRUE(ReadAll(Write(Zstd(a) + Zstd(b) + Zstd(c))).text == a + b + c);
}

TEST_F(LineReaderTest, AMemberMayBeginAnywhereInTheInputBuffer) {
  // Members of ever other lengths put headers across the ends of the reader's buffer.
  std::string bytes, plain;
  uint32_t random = 1;
  while (bytes.size() < 1'500'000) {
    std::string line;
    for (int i = 0; i < 200 + static_cast<int>(random % 61); ++i) {
      random = random * 1664525 + 1013904223;
      line += static_cast<char>('!' + (random >> 16) % 90);
    }
    line += '\n';
    plain += line;
    bytes += Gzip(line);
  }
  const Outcome outcome = ReadAll(Write(bytes));
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kOk) << outcome.status;
  EXPECT_TRUE(outcome.text == plain);
}

TEST_F(LineReaderTest, PaddingAfterAGzipIsIgnoredAndOtherBytesAreNot) {
  EXPECT_EQ(ReadAll(Write(Gzip("a\n") + std::string(1000, '\0'))).text, "a\n");
  EXPECT_EQ(ReadAll(Write(Gzip("a\n") + std::string(1000, '\0'))).status.code(), absl::StatusCode::kOk);
  const Outcome outcome = ReadAll(Write(Gzip("a\n") + "garbage"));
  EXPECT_EQ(outcome.text, "a\n");
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(LineReaderTest, ATruncatedFileGivesTheLinesBeforeAndNamesTheOffset) {
  const std::string plain = Lines(50'000);
  for (const std::string& whole : {Gzip(plain), Zstd(plain)}) {
    for (const size_t length : {whole.size() / 2, whole.size() - 1, whole.size() - 9, size_t{5}}) {
      const Outcome outcome = ReadAll(Write(whole.substr(0, length)));
      EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDataLoss);
      EXPECT_THAT(std::string(outcome.status.message()), HasSubstr(absl::StrCat("ends early at byte ", length)));
      EXPECT_TRUE(outcome.text == plain.substr(0, outcome.text.size()));
      EXPECT_TRUE(outcome.text.empty() || outcome.text.back() == '\n');
      if (length == whole.size() / 2) {
        EXPECT_GT(outcome.text.size(), plain.size() / 5);
      }
    }
  }
}

TEST_F(LineReaderTest, DamagedBytesAreDataLoss) {
  std::string gzip = Gzip(Lines(5000));
  gzip[gzip.size() - 6] ^= 1;  // of the checksum
  EXPECT_THAT(std::string(ReadAll(Write(gzip)).status.message()), HasSubstr("the checksum differs"));
  std::string zstd = Zstd(Lines(5000));
  zstd[zstd.size() / 2] ^= 0x55;
  zstd[zstd.size() / 3] ^= 0x55;
  EXPECT_EQ(ReadAll(Write(zstd)).status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(LineReaderTest, TheLastLineMayLackItsEnd) {
  EXPECT_EQ(ReadAll(Write("a\nb")).text, "a\nb");
  EXPECT_EQ(ReadAll(Write("")).text, "");
  EXPECT_EQ(ReadAll(Write("\n\n")).text, "\n\n");
}

TEST_F(LineReaderTest, ALineTooLongIsDroppedAndTheNextOnesAreRead) {
  const LineReader::Limits limits{.max_line_bytes = 1000, .piece_bytes = 256};
  const std::string big(5000, 'x');
  EXPECT_EQ(ReadAll(Write("a\n" + big + "\nb\nc\n"), limits).text, "a\n<5000>b\nc\n");
  EXPECT_EQ(ReadAll(Write(big + "\n" + big), limits).text, "<5000><5000>");
  EXPECT_EQ(ReadAll(Write(std::string(1000, 'x') + "\nb\n"), limits).text, std::string(1000, 'x') + "\nb\n");
}

TEST_F(LineReaderTest, ALineOf100MegabytesTakesConstantMemory) {
  const std::string path = folder_ + "/big.gz";
  {
    std::ofstream file(path, std::ios::binary);
    file << Gzip("before\n");
    const std::string member = Gzip(std::string(10'000'000, 'x'));
    for (int i = 0; i < 10; ++i) file << member;
    file << Gzip("\nafter\n");
  }
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  EXPECT_EQ(ReadAll(path, {.max_line_bytes = 1 << 20}).text, "before\n<100000000>after\n");
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 32 << 10);  // KiB
}

TEST_F(LineReaderTest, AFileThatCannotBeReadSaysWhy) {
  const absl::Status missing = ByteSource::Open(folder_ + "/nowhere").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("nowhere: no such file; give a catalogue"));
  EXPECT_EQ(ByteSource::Open(folder_).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
