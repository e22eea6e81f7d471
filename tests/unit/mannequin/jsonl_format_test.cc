#include "services/mannequin/ingest/jsonl_format.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tests/unit/mannequin/read_record.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

std::string Jsonl(absl::string_view line) { return ReadRecord("jsonl", line); }

TEST(JsonlFormat, AProductIsReadInEitherSpelling) {
  EXPECT_EQ(Jsonl(R"({"id": "B1", "title": "Red \u00e9", "categoryPath": ["Apparel", "Dress"], "brand": "Nike",)"
                  R"( "attributes": [{"name": "color", "value": "red"}], "imageUrl": "http://x/1.jpg"})"),
            "B1|Red \xC3\xA9|Nike|Apparel>Dress|color=red||http://x/1.jpg");
  EXPECT_EQ(Jsonl(R"({"id": "B1", "category_path": ["x"], "image_url": "http://x"})"), "B1|||x|||http://x");
}

TEST(JsonlFormat, AProductIsTakenAsItIs) {
  EXPECT_EQ(Jsonl(R"({"id":" B ","title":"Salt &amp; <b>Red</b> Dress","description":" d\n","categoryPath":["",""]})"),
            " B |Salt &amp; <b>Red</b> Dress||>|| d\n|");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","attributes":[{"name":"color","value":"red","derived":true},)"
                  R"({"derived":false,"value":"M","name":"size"}]})"),
            "B|T|||~color=red,size=M||");
}

TEST(JsonlFormat, NullAndAnEmptyListAreAbsent) {
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","brand":null,"categoryPath":null,"attributes":null,"imageUrl":null})"),
            "B|T|||||");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","categoryPath":[],"attributes":[]})"), "B|T|||||");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","attributes":[{"name":"a","value":"b","derived":null}]})"), "B|T|||a=b||");
}

TEST(JsonlFormat, EveryEscapeIsDecoded) {
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"\"\\\/\b\f\n\r\t|\u0041\u00E9\u20ac\ud83d\uDE00|"})"),
            "B|\"\\/\b\f\n\r\t|A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80||||||");
  EXPECT_EQ(Jsonl(R"({"\u0069d":"B","ti\u0074le":"T"})"), "B|T|||||");
}

TEST(JsonlFormat, SpacesMayStandBetweenTokens) {
  EXPECT_EQ(Jsonl(" {\t\"id\" : \"B\" , \"title\" :\"T\" , \"categoryPath\": [ \"x\" , \"y\" ] } "), "B|T||x>y|||");
}

TEST(JsonlFormat, AFieldOfTheWrongTypeIsNamedWithWhatWasExpected) {
  EXPECT_EQ(Jsonl(R"({"id":"B","title":12})"), "19: title: expected a string, got 12");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":["T"]})"), "19: title: expected a string, got a list");
  EXPECT_EQ(Jsonl(R"({"id":{"x":1}})"), "7: id: expected a string, got an object");
  EXPECT_EQ(Jsonl(R"({"id":"B","brand":true })"), "19: brand: expected a string, got true");
  EXPECT_EQ(Jsonl(R"({"id":"B","categoryPath":"x"})"), "26: categoryPath: expected a list, got \"x\"");
  EXPECT_EQ(Jsonl(R"({"id":"B","categoryPath":["x",null]})"), "31: categoryPath: expected a string, got null");
  EXPECT_EQ(Jsonl(R"({"id":"B","attributes":{"color":"red"}})"), "24: attributes: expected a list, got an object");
  EXPECT_EQ(Jsonl(R"({"id":"B","attributes":["red"]})"), "25: attributes: expected an object, got \"red\"");
  EXPECT_EQ(Jsonl(R"({"id":"B","attributes":[{"name":"a","value":1}]})"),
            "45: attributes.value: expected a string, got 1");
  EXPECT_EQ(Jsonl(R"({"id":"B","attributes":[{"derived":"yes"}]})"),
            "36: attributes.derived: expected true or false, got \"yes\"");
}

TEST(JsonlFormat, AnUnknownNameIsNamed) {
  EXPECT_EQ(Jsonl(R"({"id":"B1","colour":"red"})"),
            "21: \"colour\" is no field of a product (product.proto names them)");
  EXPECT_EQ(Jsonl(R"({"id":"B","attributes":[{"key":"a"}]})"),
            "32: \"key\" is no field of an attribute (name, value, derived)");
}

TEST(JsonlFormat, AFieldThatStandsTwiceIsRefusedInEitherSpelling) {
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"a","title":"b"})"), "31: title: stands twice");
  EXPECT_EQ(Jsonl(R"({"id":"B","categoryPath":[],"category_path":["x"]})"), "45: category_path: stands twice");
  EXPECT_EQ(Jsonl(R"({"id":"B","attributes":[{"name":"a","name":"b"}]})"), "44: attributes.name: stands twice");
}

TEST(JsonlFormat, AMissingIdAndTheBoundsAreNamed) {
  EXPECT_EQ(Jsonl(R"({"title":"T"})"), "0: id: missing; every product needs one");
  EXPECT_EQ(Jsonl(R"({"id":"","title":"T"})"), "0: id: missing; every product needs one");
  EXPECT_EQ(Jsonl("{}"), "0: id: missing; every product needs one");
  EXPECT_EQ(Jsonl(R"({"id":"B"})"), "0: the record has neither a title nor a category");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","attributes":[{"name":"Color","value":"red"}]})"),
            "0: attributes: \"Color\" is not lower case");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","attributes":[{"name":"a","value":"1"},{"name":"a","value":"2"}]})"),
            "0: attributes: \"a\" stands twice");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T","attributes":[{"name":"a"}]})"), "0: attributes: a name or value is empty");
}

TEST(JsonlFormat, AStringThatIsNoTextIsRefusedAtItsPlace) {
  EXPECT_EQ(Jsonl("{\"id\": \"caf\xE9\"}"), "12: invalid UTF-8");
  EXPECT_EQ(Jsonl("{\"id\":\"B\",\"title\":\"\xED\xA0\x80\"}"), "20: invalid UTF-8");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"a\ud83d"})"), "21: title: \\ud83d is half of a surrogate pair, alone");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"a\ude00b"})"), "21: title: \\ude00 is half of a surrogate pair, alone");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"\ud83d\u0041"})"), "20: title: \\ud83d is half of a surrogate pair, alone");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"\x41"})"), "20: title: \"\\x\" is no escape of JSON");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"\u12"})"), "20: title: \"\\u\" is no escape of JSON");
  EXPECT_EQ(Jsonl("{\"id\":\"B\",\"title\":\"a\tb\"}"),
            "21: a control character inside a string; JSON writes it as an escape");
}

TEST(JsonlFormat, ALineThatIsNoJsonObjectSaysWhereAndWhy) {
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T")"), "22: the line ends before the record does; was it cut?");
  EXPECT_EQ(Jsonl(R"({"id":"B","categoryPath":["x")"), "30: the line ends before the record does; was it cut?");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T)"), "19: a string without its closing quote");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T"} x)"), "24: text after the record");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T"}{"id":"C"})"), "23: text after the record");
  EXPECT_EQ(Jsonl(R"({"id":"B","title":"T"}})"), "23: text after the record");
  EXPECT_EQ(Jsonl("[1]"), "1: record: expected a JSON object, got a list");
  EXPECT_EQ(Jsonl("{'asin': 'A'}"),
            "2: not JSON: a quote, colon, comma or bracket is missing or too much near 'asin':");
  EXPECT_EQ(Jsonl("B\ttitle"), "1: record: expected a JSON object, got B");
  EXPECT_EQ(Jsonl(""), "1: record: expected a JSON object, got the end of the line");
  EXPECT_THAT(Jsonl(R"({"id":"B" "title":"T"})"),
              HasSubstr("11: not JSON: a quote, colon, comma or bracket is missing"));
  EXPECT_THAT(Jsonl(R"({"id" "B"})"), HasSubstr("not JSON"));
  EXPECT_THAT(Jsonl(R"({"id":"B","title":"T",})"), HasSubstr("not JSON"));
  EXPECT_THAT(Jsonl(R"({"id":"B","title":})"), HasSubstr("title: expected a string, got }"));
  EXPECT_THAT(Jsonl(R"({"id":"B","categoryPath":["x"})"), HasSubstr("the line ends before the record does"));
}

TEST(JsonlFormat, ALineThatMissesABracketDoesNotFindWhatALongerOneLeft) {
  JsonlFormat format;
  const std::string commas = absl::StrCat(R"({"id":"B","title":")", std::string(500, ','), "\"}");
  EXPECT_THAT(ReadRecord(format, commas), HasSubstr("B|,,,"));
  EXPECT_THAT(ReadRecord(format, R"({"id":"B","category_path":["x","image_url":"u","description":"d"})"),
              HasSubstr("the line ends before the record does"));
}

TEST(JsonlFormat, ABackslashOutsideOfAStringIsRefusedAtItsPlace) {
  EXPECT_EQ(Jsonl(R"({\"id":"B"})"), "2: a backslash outside of a string");
  EXPECT_EQ(Jsonl(R"({"id":"B",\"title":"T"})"), "11: a backslash outside of a string");
}

TEST(JsonlFormat, DeepNestingIsAWrongTypeAndNoCrash) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(Jsonl(absl::StrCat("{\"id\":\"B\",\"title\":", deep, std::string(100'000, ']'), "}")),
              HasSubstr("title: expected a string, got a list"));
  EXPECT_THAT(Jsonl(absl::StrCat("{\"id\":\"B\",\"title\":", deep)), HasSubstr("the line ends before the record does"));
}

TEST(JsonlFormat, AReaderGoesOnAfterABadLineAndWithLongerOnes) {
  JsonlFormat format;
  EXPECT_EQ(ReadRecord(format, R"({"id":"B","title":)"), "19: the line ends before the record does; was it cut?");
  for (const size_t size : {10u, 60'000u, 65'536u, 3u}) {
    const std::string text(size, 'd');
    EXPECT_EQ(ReadRecord(format, absl::StrCat(R"({"id":"B","title":"T","description":"\n)", text, "\"}")),
              size == 65'536u ? "0: description: 65537 bytes, at most 65536 are kept" : "B|T||||\n" + text + "|");
  }
}

TEST(JsonlFormat, WhatProtobufWritesIsReadBackTheSame) {
  v1::Product product;
  product.set_id("id/1 \xF0\x9F\x98\x80");
  product.set_title("quotes \" ' \\ </script> \t\n\r\x01\x7F \xE2\x80\xA8 &amp;");
  product.add_category_path("a > b");
  product.add_category_path("c,d");
  product.set_description(std::string("nul \0 inside", 12));
  v1::Attribute* attribute = product.add_attributes();
  attribute->set_name("color");
  attribute->set_value("blue");
  attribute->set_derived(true);
  for (const bool proto_names : {false, true}) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = proto_names;
    std::string line;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(product, &line, options).ok());
    v1::Product read;
    RecordError error;
    JsonlFormat format;
    ASSERT_TRUE(format.Parse(line, &read, &error)) << error.what;
    EXPECT_EQ(read.SerializeAsString(), product.SerializeAsString());
  }
}

}  // namespace
}  // namespace mannequin
