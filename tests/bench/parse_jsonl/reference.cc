#include "tests/bench/parse_jsonl/reference.h"

#include <string_view>

#include "simdjson.h"

namespace mannequin {
namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::object;
using simdjson::ondemand::value;

size_t StringBytes(value item) {
  std::string_view text;
  return item.get_string().get(text) ? 0 : text.size();
}

size_t ListBytes(value item) {
  size_t bytes = 0;
  array list;
  if (item.get_array().get(list)) return 0;
  for (auto part : list) bytes += StringBytes(part.value_unsafe());
  return bytes;
}

// All strings of an object.
size_t ObjectBytes(value item) {
  size_t bytes = 0;
  object fields;
  if (item.get_object().get(fields)) return 0;
  for (auto field : fields) bytes += StringBytes(field.value().value_unsafe());
  return bytes;
}

size_t ObjectListBytes(value item) {
  size_t bytes = 0;
  array list;
  if (item.get_array().get(list)) return 0;
  for (auto part : list) bytes += ObjectBytes(part.value_unsafe());
  return bytes;
}

size_t JsonlField(std::string_view key, value item) {
  if (key == "id" || key == "title" || key == "brand" || key == "imageUrl" || key == "description") {
    return StringBytes(item);
  }
  if (key == "categoryPath") return ListBytes(item);
  if (key == "attributes") return ObjectListBytes(item);
  return 0;
}

size_t AmazonField(std::string_view key, value item) {
  if (key == "parent_asin" || key == "title" || key == "store" || key == "main_category") return StringBytes(item);
  if (key == "categories" || key == "features" || key == "description") return ListBytes(item);
  if (key == "images") return ObjectListBytes(item);
  if (key == "details") return ObjectBytes(item);
  if (key == "price") {
    double price;
    return item.get_double().get(price) ? 0 : 1;
  }
  return 0;
}

}  // namespace

struct ReferenceWalker::Parser {
  simdjson::ondemand::parser parser;
};

ReferenceWalker::ReferenceWalker() : parser_(std::make_unique<Parser>()) {}
ReferenceWalker::~ReferenceWalker() = default;

size_t ReferenceWalker::Walk(const char* line, size_t size, bool amazon) {
  simdjson::ondemand::document document;
  object fields;
  if (parser_->parser.iterate(line, size, size + simdjson::SIMDJSON_PADDING).get(document)) return 0;
  if (document.get_object().get(fields)) return 0;
  size_t bytes = 0;
  for (auto field : fields) {
    std::string_view key;
    if (field.unescaped_key().get(key)) return 0;
    value item;
    if (field.value().get(item)) return 0;
    bytes += amazon ? AmazonField(key, item) : JsonlField(key, item);
  }
  return bytes;
}

}  // namespace mannequin
