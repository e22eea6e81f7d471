#include "services/mannequin/ingest/ingest.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "tests/unit/mannequin/compressed.h"
#include "tests/unit/store/faulty_disks.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string SnapLine(absl::string_view id, absl::string_view title) {
  return absl::StrCat("{'asin': '", id, "', 'title': '", title, "', 'categories': [['Apparel', 'Shirts']]}\n");
}

class IngestTest : public ::testing::Test {
 protected:
  std::string Write(absl::string_view name, absl::string_view bytes) {
    const std::string path = absl::StrCat(folder_, "/", name);
    std::ofstream(path, std::ios::binary) << std::string(bytes);
    return path;
  }
  std::string TitleOf(const std::string& id) {
    v1::GetProductRequest request;
    request.set_id(id);
    const absl::StatusOr<v1::GetProductResponse> found = store_->GetProduct(request);
    return found.ok() ? found->product().product().title() : std::string(found.status().message());
  }
  int64_t Stored() { return store_->GetStatistics({})->products(); }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::unique_ptr<RocksStore> store_ = Must(RocksStore::Open(ConfigOf(folder_ + "/store"), Clock::Real()));
};

TEST_F(IngestTest, AGzippedSnapFileIsStoredAndASecondRunChangesNothing) {
  std::string plain;
  for (int i = 0; i < 25'000; ++i) plain += SnapLine(absl::StrCat("B", i), absl::StrCat("Shirt ", i));
  const std::string path = Write("metadata.json.gz", Gzip(plain));
  IngestProgress last;
  int calls = 0;
  const absl::StatusOr<IngestReport> report = IngestFile(path, {}, *store_, [&](const IngestProgress& now) {
    EXPECT_GE(now.products, last.products);
    last = now;
    ++calls;
    return true;
  });
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->format, "snap");
  EXPECT_EQ(report->compression, "gzip");
  EXPECT_EQ(report->read, 25'000);
  EXPECT_EQ(report->accepted, 25'000);
  EXPECT_EQ(report->created, 25'000);
  EXPECT_EQ(report->rejected + report->duplicates + report->updated + report->unchanged, 0);
  EXPECT_GT(report->peak_rss_bytes, 1 << 20);
  EXPECT_GT(calls, 1);
  EXPECT_EQ(last.products, 25'000);
  EXPECT_EQ(last.read_bytes, last.total_bytes);
  EXPECT_EQ(Stored(), 25'000);
  EXPECT_EQ(TitleOf("B24999"), "Shirt 24999");

  const absl::StatusOr<IngestReport> again = IngestFile(path, {}, *store_);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->unchanged, 25'000);
}

TEST_F(IngestTest, OurOwnJsonLinesInZstdAreFoundByLooking) {
  const std::string path = Write(
      "products", Zstd("\xEF\xBB\xBF\n{\"id\": \"A\", \"title\": \"one\"}\r\n\r\n{\"id\": \"B\", \"title\": \"two\"}"));
  const absl::StatusOr<IngestReport> report = IngestFile(path, {}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->format, "jsonl");
  EXPECT_EQ(report->compression, "zstd");
  EXPECT_EQ(report->accepted, 2);
  EXPECT_EQ(TitleOf("B"), "two");
}

TEST_F(IngestTest, BadLinesAreCountedNamedAndKeptAside) {
  const std::string path =
      Write("mixed", SnapLine("A", "one") + "{'asin': 'B', 'title': 'T', 'price': 'abc'}\n" + "{'title': 'no id'}\n" +
                         "{'asin': 'C', 'title': 'caf\xE9'}\n" + SnapLine("D", "last"));
  const std::string rejects = folder_ + "/rejects";
  const absl::StatusOr<IngestReport> report = IngestFile(path, {.rejects_file = rejects}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->read, 5);
  EXPECT_EQ(report->accepted, 2);
  EXPECT_EQ(report->rejected, 3);
  EXPECT_THAT(report->rejects,
              ElementsAre(path + ":2:38: price: expected a number, got \"abc\" (line skipped; --strict stops here)",
                          path + ":3: the record has no id (SNAP: \"asin\") (line skipped; --strict stops here)",
                          path + ":4:28: invalid UTF-8 (line skipped; --strict stops here)"));
  EXPECT_EQ(*ReadFile(rejects),
            "2\tprice: expected a number, got \"abc\"\t{'asin': 'B', 'title': 'T', 'price': 'abc'}\n"
            "3\tthe record has no id (SNAP: \"asin\")\t{'title': 'no id'}\n"
            "4\tinvalid UTF-8\t{'asin': 'C', 'title': 'caf\xE9'}\n");
  EXPECT_EQ(Stored(), 2);
}

TEST_F(IngestTest, OnlyTheFirstReasonsAreKept) {
  std::string plain = SnapLine("A", "one");
  for (int i = 0; i < 50; ++i) plain += "{'asin': 1}\n";
  const absl::StatusOr<IngestReport> report = IngestFile(Write("bad", plain), {.max_reject_messages = 7}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->rejected, 50);
  EXPECT_EQ(report->rejects.size(), 7u);
}

TEST_F(IngestTest, StrictStopsAtTheFirstBadLineAndKeepsWhatCameBefore) {
  const std::string path =
      Write("mixed", SnapLine("A", "one") + "{'asin': 'B', 'price': 'abc'}\n" + SnapLine("C", "three"));
  const absl::Status status = IngestFile(path, {.strict = true}, *store_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      std::string(status.message()),
      path + ":2:24: price: expected a number, got \"abc\" (--strict stops here) (1 products before it were kept)");
  EXPECT_EQ(TitleOf("A"), "one");
  EXPECT_EQ(Stored(), 1);
}

TEST_F(IngestTest, OfOneIdTheLaterWinsWithinABatchAndAcross) {
  std::string plain = SnapLine("A", "first") + SnapLine("B", "b") + SnapLine("A", "second");
  for (int i = 0; i < 12'000; ++i) plain += SnapLine(absl::StrCat("X", i), "x");
  plain += SnapLine("B", "b later") + SnapLine("A", "third") + SnapLine("A", "fourth");
  const absl::StatusOr<IngestReport> report = IngestFile(Write("twice", plain), {}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->accepted, 12'006);
  EXPECT_EQ(report->duplicates, 4);
  EXPECT_EQ(report->created, 12'002);
  EXPECT_EQ(report->updated, 4);
  EXPECT_EQ(TitleOf("A"), "fourth");
  EXPECT_EQ(TitleOf("B"), "b later");
  EXPECT_EQ(Stored(), 12'002);
}

TEST_F(IngestTest, BigProductsFitTheStoresBounds) {
  std::string plain;
  const std::string description(60'000, 'd');
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&plain, "{'asin': 'B", i, "', 'title': 'T', 'description': '", description, "'}\n");
  }
  const absl::StatusOr<IngestReport> report = IngestFile(Write("big", plain), {}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->created, 200);
}

TEST_F(IngestTest, ATruncatedGzipKeepsWhatCameBeforeAndNamesTheOffset) {
  std::string plain;
  for (int i = 0; i < 30'000; ++i)
    plain += SnapLine(absl::StrCat("B", i * 7919 % 30'011), absl::StrCat("Shirt ", i * 31 % 977));
  const std::string whole = Gzip(plain);
  const std::string path = Write("cut.gz", whole.substr(0, whole.size() / 2));
  const absl::Status status = IngestFile(path, {}, *store_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("cut.gz: gzip ends early at byte ", whole.size() / 2)));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("(", Stored(), " products before it were kept)")));
  EXPECT_GT(Stored(), 10'000);
  EXPECT_LT(Stored(), 30'000);
}

TEST_F(IngestTest, ALineTooLongIsRefusedByItsNumber) {
  const std::string path = Write("long", SnapLine("A", "one") + "{'asin': 'B', 'title': '" + std::string(3 << 20, 'x') +
                                             "'}\n" + SnapLine("C", "c"));
  const absl::StatusOr<IngestReport> report = IngestFile(path, {.max_line_bytes = 1 << 20}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->accepted, 2);
  EXPECT_THAT(report->rejects, ElementsAre(StartsWith(absl::StrCat(path, ":2: a line of ", (3 << 20) + 26,
                                                                   " bytes, at most 1048576 are read"))));
}

TEST_F(IngestTest, ADryRunChecksAllAndWritesNothing) {
  const absl::StatusOr<IngestReport> report =
      IngestFile(Write("dry", SnapLine("A", "one") + "{'asin': 1}\n"), {.dry_run = true}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->accepted, 1);
  EXPECT_EQ(report->rejected, 1);
  EXPECT_EQ(report->created, 0);
  EXPECT_EQ(Stored(), 0);
}

TEST_F(IngestTest, ACancelledRunKeepsWhatItReadAndTheNextGoesOnFromThere) {
  std::string plain = "\xEF\xBB\xBF";
  for (int i = 0; i < 100'000; ++i) {
    plain += i % 1000 == 999 ? "{'title': 'no id'}\n" : SnapLine(absl::StrCat("B", i), absl::StrCat("Shirt ", i));
  }
  const std::string path = Write("many.gz", Gzip(plain));
  const std::string rejects = folder_ + "/rejects";
  int64_t kept = 0;
  std::vector<int64_t> resumed_at;
  while (resumed_at.size() < 100) {
    int calls = 0;
    const absl::StatusOr<IngestReport> report =
        IngestFile(path, {.rejects_file = rejects}, *store_, [&](const IngestProgress&) { return ++calls < 4; });
    if (report.ok()) {
      resumed_at.push_back(report->resumed_at_line);
      EXPECT_EQ(Stored() - kept, report->created);
      break;
    }
    ASSERT_EQ(report.status().code(), absl::StatusCode::kCancelled);
    EXPECT_THAT(std::string(report.status().message()),
                HasSubstr(absl::StrCat("(", Stored() - kept, " products before it were kept)")));
    EXPECT_GT(Stored(), kept);
    kept = Stored();
    resumed_at.push_back(kept);
    // What a run that was killed may have left behind its last checkpoint.
    std::ofstream(rejects, std::ios::app) << "100001\tlater than what is kept\t{}\n500\thalf a row";
  }
  EXPECT_GT(resumed_at.size(), 2u);
  EXPECT_GT(resumed_at.back(), 50'000);
  EXPECT_EQ(Stored(), 99'900);
  EXPECT_EQ(TitleOf("B99998"), "Shirt 99998");
  std::string expected;
  for (int i = 1000; i <= 100'000; i += 1000) {
    absl::StrAppend(&expected, i, "\tthe record has no id (SNAP: \"asin\")\t{'title': 'no id'}\n");
  }
  EXPECT_EQ(*ReadFile(rejects), expected) << "each line once, by its number in the file";

  const absl::StatusOr<IngestReport> again = IngestFile(path, {}, *store_);
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_EQ(again->resumed_at_line, 0) << "a run that came to its end leaves nothing to go on from";
  EXPECT_EQ(again->unchanged, 99'900);
}

TEST_F(IngestTest, AStoreThatRefusesAtTheEndHasKeptNothing) {
  std::atomic<std::int64_t> left{1 << 20};
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(std::make_shared<SmallDisk>(left));
  const std::unique_ptr<RocksStore> store =
      Must(RocksStore::Open(ConfigOf(folder_ + "/small"), Clock::Real(), env.get()));
  ASSERT_NE(store, nullptr);
  left = 0;
  const absl::Status status =
      IngestFile(Write("few", SnapLine("A", "one") + SnapLine("B", "two")), {}, *store).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("of 2 products before it some may not be kept"));
  const absl::Status strict =
      IngestFile(Write("bad", SnapLine("A", "one") + "{'asin': 1}\n"), {.strict = true}, *store).status();
  EXPECT_EQ(strict.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(strict.message()), HasSubstr("(--strict stops here); and then: "));
}

TEST_F(IngestTest, AReasonStaysOneLineWhateverItQuotes) {
  const std::string rejects = folder_ + "/rejects";
  const absl::StatusOr<IngestReport> report = IngestFile(
      Write("odd", "{\"id\": \"A\", \"title\": \"one\"}\n{\"a\\n\\tb\": 1}\n"), {.rejects_file = rejects}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_THAT(report->rejects, ElementsAre(HasSubstr("\"a\\x0a\\x09b\" is no field")));
  EXPECT_THAT(*ReadFile(rejects), HasSubstr("\"a\\x0a\\x09b\" is no field"));
}

TEST_F(IngestTest, ManyBlankLinesBeforeTheFirstProductAreCounted) {
  const absl::StatusOr<IngestReport> report =
      IngestFile(Write("late", std::string(3 << 20, '\n') + SnapLine("A", "one") + "{'asin': 1}\n"), {}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->read, 2);
  EXPECT_THAT(report->rejects, ElementsAre(HasSubstr(absl::StrCat(":", (3 << 20) + 2, ":"))));
}

TEST_F(IngestTest, AnotherFileOrARunFromTheStartIgnoresWhereOneWasCutShort) {
  std::string plain;
  for (int i = 0; i < 50'000; ++i) plain += SnapLine(absl::StrCat("B", i), absl::StrCat("Shirt ", i));
  const std::string path = Write("many", plain);
  ASSERT_FALSE(IngestFile(path, {}, *store_, [](const IngestProgress&) { return false; }).ok());
  const absl::StatusOr<IngestReport> from_start = IngestFile(path, {.dry_run = true}, *store_);
  EXPECT_EQ(from_start->accepted, 50'000);
  const absl::StatusOr<IngestReport> whole = IngestFile(path, {.resume = false}, *store_);
  EXPECT_EQ(whole->accepted, 50'000);

  ASSERT_FALSE(IngestFile(path, {}, *store_, [](const IngestProgress&) { return false; }).ok());
  plain.replace(plain.find("Shirt 2777"), 10, "Skirt 2777");
  ASSERT_GT(plain.find("Skirt 2777"), 64u << 10) << "behind what is hashed";
  ASSERT_LT(plain.find("Skirt 2777"), 256u << 10) << "in what the run before has kept";
  const absl::StatusOr<IngestReport> other = IngestFile(Write("many", plain), {}, *store_);
  EXPECT_EQ(other->resumed_at_line, 0);
  EXPECT_EQ(other->updated, 1);
}

TEST_F(IngestTest, AFileThatIsNoCatalogueFailsWithItsFirstFault) {
  const std::string path = Write("page.json.gz", "<html>404</html>\n<p>\n");
  const absl::Status status = IngestFile(path, {}, *store_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              StartsWith("no line of " + path + " is a product in a known format (jsonl, snap, "));
  EXPECT_THAT(std::string(status.message()), HasSubstr(path + ":1:1: record: expected a dict, got <"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("it is not compressed, whatever its name says"));

  const absl::Status forced = IngestFile(path, {.format = "snap"}, *store_).status();
  EXPECT_THAT(std::string(forced.message()),
              StartsWith("no line of " + path + " is a product; the first fault: " + path + ":1:1:"));
  EXPECT_THAT(std::string(IngestFile(Write("empty", ""), {}, *store_).status().message()), HasSubstr("it is empty"));
}

TEST_F(IngestTest, ABadFirstLineDoesNotHideTheFormat) {
  const absl::StatusOr<IngestReport> report =
      IngestFile(Write("late", "garbage\n\n" + SnapLine("A", "one")), {}, *store_);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_EQ(report->format, "snap");
  EXPECT_EQ(report->rejected, 1);
}

TEST_F(IngestTest, WrongArgumentsAreNamed) {
  const std::string path = Write("ok", SnapLine("A", "one"));
  const absl::Status format = IngestFile(path, {.format = "xml"}, *store_).status();
  EXPECT_EQ(format.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(format.message()), HasSubstr("known: jsonl, snap"));
  EXPECT_EQ(IngestFile(folder_ + "/nowhere", {}, *store_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(IngestFile(path, {.max_line_bytes = 10}, *store_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(IngestFile(path, {.rejects_file = folder_ + "/no/such/rejects"}, *store_).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace mannequin
