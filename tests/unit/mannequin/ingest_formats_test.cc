// Files of each format through IngestFile: what the formats' own tests cannot see.
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/mannequin/ingest/ingest.h"
#include "tests/unit/mannequin/read_record.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;

class IngestFormatsTest : public ::testing::Test {
 protected:
  absl::StatusOr<IngestReport> Ingest(absl::string_view text, const std::string& format = "") {
    EXPECT_EQ(WriteFileAtomically(path(), text), absl::OkStatus());
    return IngestFile(path(), {.format = format}, *store_);
  }
  std::string Stored(const std::string& id) {
    v1::GetProductRequest request;
    request.set_id(id);
    const absl::StatusOr<v1::GetProductResponse> found = store_->GetProduct(request);
    return found.ok() ? Rendered(found->product().product()) : std::string(found.status().message());
  }
  std::string path() const { return folder_ + "/catalog"; }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::unique_ptr<RocksStore> store_ = Must(RocksStore::Open(ConfigOf(folder_ + "/store"), Clock::Real()));
};

TEST_F(IngestFormatsTest, AFeedsHeaderIsNoRecordAndCountsAsALine) {
  for (const std::string format : {"", "merchant"}) {
    const absl::StatusOr<IngestReport> report =
        Ingest("\xEF\xBB\xBFid\ttitle\tcolor\r\nA\tRed Shirt for Men\tcrimson\r\nB\tcut\r\nC\tRed Shirt\t\r\n", format);
    ASSERT_EQ(report.status(), absl::OkStatus());
    EXPECT_EQ(report->format, "merchant");
    EXPECT_EQ(report->read, 3);
    EXPECT_THAT(report->rejects, ElementsAre(path() + ":3: 2 cells, the header has 3 columns: was the line cut? "
                                                      "(line skipped; --strict stops here)"));
    EXPECT_EQ(Stored("A"), "A|Red Shirt for Men|||color=crimson,~gender=men||");
    EXPECT_EQ(Stored("C"), "C|Red Shirt|||~color=red||");
  }
}

TEST_F(IngestFormatsTest, TitlesGiveAttributesInEveryFormatButOurOwn) {
  ASSERT_EQ(Ingest("{'asin': 'S', 'title': 'Red Shirt'}\n").status(), absl::OkStatus());
  ASSERT_EQ(Ingest(R"({"asin": "E", "title": "Red Shirt", "category": ["Clothing"]})").status(), absl::OkStatus());
  ASSERT_EQ(Ingest(R"({"parent_asin": "T", "title": "Red Shirt"})").status(), absl::OkStatus());
  ASSERT_EQ(Ingest(R"({"id": "J", "title": "Red Shirt"})").status(), absl::OkStatus());
  EXPECT_EQ(Stored("S"), "S|Red Shirt|||~color=red||");
  EXPECT_EQ(Stored("E"), "E|Red Shirt||Clothing|~color=red||");
  EXPECT_EQ(Stored("T"), "T|Red Shirt|||~color=red||");
  EXPECT_EQ(Stored("J"), "J|Red Shirt|||||");
}

TEST_F(IngestFormatsTest, AFeedWithoutAProductSaysWhy) {
  const absl::Status status = Ingest("id\ttitle\nA\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            absl::StrCat("no line of ", path(), " is a product; the first fault: ", path(),
                         ":2: 1 cells, the header has 2 columns: was the line cut?"));
}

}  // namespace
}  // namespace mannequin
