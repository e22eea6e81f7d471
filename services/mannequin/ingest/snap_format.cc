#include "services/mannequin/ingest/snap_format.h"

namespace mannequin {
namespace {

char ClosingOf(char open) { return open == '[' ? ']' : ')'; }

}  // namespace

bool SnapFormat::Parse(absl::string_view line, v1::Product* product, RecordError* error) {
  product->Clear();
  cursor_.Reset(line);
  if (!ParseRecord(product)) {
    *error = cursor_.error();
    return false;
  }
  return CheckProduct(*product, error);
}

bool SnapFormat::ParseRecord(v1::Product* product) {
  if (cursor_.Peek() != '{') return cursor_.FailType("record", "a dict");
  cursor_.Advance();
  bool closed = cursor_.Peek() == '}';
  if (closed) cursor_.Advance();
  while (!closed) {
    absl::string_view key;
    if (!cursor_.ReadString(&key) || !cursor_.Colon() || !ParseField(key, product) || !cursor_.NextItem('}', &closed)) {
      return false;
    }
  }
  cursor_.Peek();
  return cursor_.AtEnd() || cursor_.FailHere("text after the record");
}

// assign() and not set_...(): protobuf's setters make a temporary string first.
bool SnapFormat::ParseField(absl::string_view key, v1::Product* product) {
  absl::string_view text;
  switch (key.size()) {
    case 4:
      if (key != "asin") break;
      if (!ReadText(key, &text)) return false;
      product->mutable_id()->assign(text.data(), text.size());
      return true;
    case 5:
      if (key == "title") {
        if (!ReadText(key, &text)) return false;
        product->mutable_title()->assign(text.data(), text.size());
        return true;
      }
      if (key == "brand") {
        if (!ReadText(key, &text)) return false;
        product->mutable_brand()->assign(text.data(), text.size());
        return true;
      }
      if (key == "imUrl") {
        if (!ReadText(key, &text)) return false;
        product->mutable_image_url()->assign(text.data(), text.size());
        return true;
      }
      if (key == "price") return ReadPrice(product);
      break;
    case 10:
      if (key == "categories") return ReadCategories(product);
      if (key == "attributes") return ReadAttributes(product);
      break;
    case 11:
      if (key != "description") break;
      if (!ReadText(key, &text)) return false;
      product->mutable_description()->assign(text.data(), text.size());
      return true;
  }
  return cursor_.SkipValue(/*depth=*/1);
}

// A string, or nothing for None.
bool SnapFormat::ReadText(absl::string_view field, absl::string_view* text) {
  switch (cursor_.Peek()) {
    case '\'':
    case '"':
    case 'u':
    case 'U':
    case 'b':
    case 'B':
    case 'r':
    case 'R':
    case 'f':
      return cursor_.ReadString(text);
    case 'N':
      *text = {};
      return cursor_.ReadNone();
  }
  return cursor_.FailType(field, "a string");
}

bool SnapFormat::ReadCategories(v1::Product* product) {
  product->clear_category_path();
  const char open = cursor_.Peek();
  if (open == 'N') return cursor_.ReadNone();
  if (open != '[' && open != '(') return cursor_.FailType("categories", "a list of paths");
  cursor_.Advance();
  if (cursor_.Peek() == ClosingOf(open)) {
    cursor_.Advance();
    return true;
  }
  const char path = cursor_.Peek();
  if (path != '[' && path != '(') return cursor_.FailType("categories", "a list of paths, each a list of strings");
  cursor_.Advance();
  bool closed = false;
  if (!ReadPath(ClosingOf(path), product) || !cursor_.NextItem(ClosingOf(open), &closed)) return false;
  while (!closed) {
    if (!cursor_.SkipValue(/*depth=*/2) || !cursor_.NextItem(ClosingOf(open), &closed)) return false;
  }
  return true;
}

bool SnapFormat::ReadPath(char close, v1::Product* product) {
  bool closed = cursor_.Peek() == close;
  if (closed) cursor_.Advance();
  while (!closed) {
    absl::string_view part;
    if (!ReadText("categories", &part)) return false;
    if (!part.empty()) product->add_category_path()->assign(part.data(), part.size());
    if (!cursor_.NextItem(close, &closed)) return false;
  }
  return true;
}

// A name that stands twice: the later wins, as in Python.
bool SnapFormat::ReadAttributes(v1::Product* product) {
  const char first = cursor_.Peek();
  if (first == 'N') return cursor_.ReadNone();
  if (first != '{') return cursor_.FailType("attributes", "a dict of strings");
  cursor_.Advance();
  bool closed = cursor_.Peek() == '}';
  if (closed) cursor_.Advance();
  while (!closed) {
    absl::string_view text;
    if (!ReadText("attributes", &text)) return false;
    const std::string name(text);
    if (!cursor_.Colon() || !ReadText("attributes", &text) || !cursor_.NextItem('}', &closed)) return false;
    if (!name.empty() && !text.empty()) SetAttribute(name, text, product);
  }
  return true;
}

bool SnapFormat::ReadPrice(v1::Product* product) {
  const char first = cursor_.Peek();
  if (first == 'N') return cursor_.ReadNone();
  if ((first < '0' || first > '9') && first != '-' && first != '+' && first != '.') {
    return cursor_.FailType("price", "a number");
  }
  absl::string_view number;
  if (!cursor_.ReadNumber(&number)) return false;
  SetAttribute("price", number, product);
  return true;
}

}  // namespace mannequin
