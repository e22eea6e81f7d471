#include "common/base/safetensors.h"

#include <cstring>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::string File(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

// Parses and renders the outcome: the error's words, or "ok".
std::string Outcome(const std::string& bytes) {
  const auto file = ParseSafetensors(bytes, "f");
  if (file.ok()) return "ok";
  EXPECT_EQ(file.status().code(), absl::StatusCode::kDataLoss);
  return std::string(file.status().message());
}

TEST(Safetensors, ComeBackAsWritten) {
  const std::string path = *MakeTemporaryFolder("safetensors") + "/x.safetensors";
  const std::vector<float> values = {1, -2, 3.5f, 0, 5, 6};
  ASSERT_TRUE(WriteSafetensors(
                  path, {{"w", FloatTensor({2, 3}, values)}, {"b", {"U8", {3}, "abc"}}, {"none", {"BF16", {0, 7}, ""}}},
                  {{"mode", "pv-dbow"}})
                  .ok());
  const auto file = ReadSafetensors(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(*file->Floats("w", {2, -1}), testing::ElementsAreArray(values));
  EXPECT_EQ(file->tensors.at("b").bytes, "abc");
  EXPECT_EQ(file->tensors.at("none").shape, (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(*file->Metadata("mode"), "pv-dbow");
  EXPECT_EQ(file->Metadata("other").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(file->Floats("w", {3, 2}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(file->Floats("b", {3}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(file->Floats("c", {3}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadSafetensors(path + "x").status().code(), absl::StatusCode::kNotFound);
}

TEST(Safetensors, RefuseToWriteWhatDoesNotFitItsShape) {
  EXPECT_EQ(SerializeSafetensors({{"w", {"F32", {2}, "1234567"}}}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SerializeSafetensors({{"w", {"F31", {2}, "12345678"}}}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SerializeSafetensors({{"__metadata__", {"U8", {1}, "1"}}}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Safetensors, EachMalformedBranchIsItsOwnError) {
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "xy")), "ok");
  EXPECT_EQ(Outcome("1234567"), "f: shorter than 8 bytes");
  EXPECT_EQ(Outcome(std::string(8, '\xff')), "f: a header of 18446744073709551615 bytes is over 16 MiB");
  EXPECT_EQ(Outcome(File("{}", "").substr(0, 9)), "f: the file ends within its header");
  EXPECT_EQ(Outcome(File("{", "")), "f: the header is not JSON");
  EXPECT_EQ(Outcome(File("[]", "")), "f: the header is not a JSON object");
  EXPECT_EQ(Outcome(File(R"({"__metadata__":[]})", "")), "f: __metadata__ is not an object");
  EXPECT_EQ(Outcome(File(R"({"__metadata__":{"k":1}})", "")), "f: metadata \"k\" is not a text");
  const std::string a = R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  EXPECT_EQ(Outcome(File("{" + a + "," + a + "}", "xy")), "f: tensor \"a\" stands twice in the header");
  EXPECT_EQ(Outcome(File(R"({"a":1})", "")), "f: tensor \"a\": its entry is not an object");
  EXPECT_EQ(Outcome(File(R"({"a":{}})", "")), "f: tensor \"a\": no dtype");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U9"}})", "")), "f: tensor \"a\": unknown dtype \"U9\"");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8"}})", "")), "f: tensor \"a\": no shape");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8","shape":[-1]}})", "")),
            "f: tensor \"a\": a length of its shape is not a natural number");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8","shape":[9223372036854775807]}})", "")),
            "f: tensor \"a\": its shape is too large");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,2]}})", "xy")),
            "f: tensor \"a\": its shape is too large");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0]}})", "xy")),
            "f: tensor \"a\": data_offsets is not two natural numbers");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", "xy")),
            "f: tensor \"a\": data_offsets end before they begin");
  EXPECT_EQ(Outcome(File(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}})", "xy")),
            "f: tensor \"a\": has 2 bytes where U8 [3] needs 3");
  const std::string b = R"("b":{"dtype":"U8","shape":[2],"data_offsets":)";
  EXPECT_EQ(Outcome(File("{" + a + "," + b + "[1,3]}}", "xyz")), "f: tensor \"b\" overlaps another");
  EXPECT_EQ(Outcome(File("{" + a + "," + b + "[3,5]}}", "xyz12")), "f: a gap before tensor \"b\"");
  EXPECT_EQ(Outcome(File("{" + a + "," + b + "[2,4]}}", "xyz")), "f: the file ends within tensor \"b\"");
  EXPECT_EQ(Outcome(File("{" + a + "}", "xyz")), "f: 1 bytes after the last tensor");
}

}  // namespace
}  // namespace mannequin
