#include "services/store/bucket/s3_xml.h"

#include <cstddef>
#include <pugixml.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/xml.h"

namespace mannequin::store {
namespace {

constexpr char kNamespace[] = "http://s3.amazonaws.com/doc/2006-03-01/";

bool Load(absl::string_view xml, pugi::xml_document& document) {
  return static_cast<bool>(document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8));
}

S3Error ErrorOf(const pugi::xml_node& node) {
  return {.code = node.child_value("Code"),
          .message = node.child_value("Message"),
          .key = node.child_value("Key"),
          .region = node.child_value("Region"),
          .endpoint = node.child_value("Endpoint")};
}

// As encoding-type=url has it: like a form's, a space may be "+".
std::string UriDecode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() && absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace

S3Error ParseError(absl::string_view xml) {
  pugi::xml_document document;
  if (!Load(xml, document)) return {};
  // Some servers put it into a <Response>.
  const pugi::xml_node root = document.document_element();
  return ErrorOf(absl::string_view(root.name()) == "Error" ? root : root.child("Error"));
}

absl::StatusOr<S3Page> ParsePage(absl::string_view xml) {
  pugi::xml_document document;
  const bool whole = Load(xml, document);
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!whole || !root) return absl::DataLossError("the server's list is not whole");
  const bool encoded = absl::EqualsIgnoreCase(root.child_value("EncodingType"), "url");
  S3Page page;
  for (const pugi::xml_node& item : root.children("Contents")) {
    S3Page::Entry entry;
    entry.key = encoded ? UriDecode(item.child_value("Key")) : item.child_value("Key");
    if (entry.key.empty() || !absl::SimpleAtoi(item.child_value("Size"), &entry.bytes) || entry.bytes < 0) {
      return absl::DataLossError("the server's list has an entry without key or size");
    }
    page.entries.push_back(std::move(entry));
  }
  if (absl::EqualsIgnoreCase(root.child_value("IsTruncated"), "true")) {
    page.next = root.child_value("NextContinuationToken");
    if (page.next.empty()) return absl::DataLossError("the server's list goes on, but it does not say where");
  }
  return page;
}

absl::StatusOr<std::string> ParseUploadId(absl::string_view xml) {
  pugi::xml_document document;
  std::string id;
  if (Load(xml, document)) id = document.child("InitiateMultipartUploadResult").child_value("UploadId");
  if (id.empty()) return absl::DataLossError("the server names no upload");
  return id;
}

absl::StatusOr<std::vector<S3Error>> ParseDeleteErrors(absl::string_view xml) {
  pugi::xml_document document;
  const bool whole = Load(xml, document);
  const pugi::xml_node root = document.child("DeleteResult");
  if (!whole || !root) return absl::DataLossError("the server does not say what it deleted");
  std::vector<S3Error> errors;
  for (const pugi::xml_node& node : root.children("Error")) errors.push_back(ErrorOf(node));
  return errors;
}

bool IsCompleted(absl::string_view xml) {
  pugi::xml_document document;
  return Load(xml, document) && document.child("CompleteMultipartUploadResult");
}

std::string CompleteXml(absl::Span<const std::string> etags) {
  std::string xml = absl::StrCat("<CompleteMultipartUpload xmlns=\"", kNamespace, "\">");
  for (std::size_t i = 0; i < etags.size(); ++i) {
    absl::StrAppend(&xml, "<Part><PartNumber>", i + 1, "</PartNumber><ETag>", EscapeXml(etags[i]), "</ETag></Part>");
  }
  return xml + "</CompleteMultipartUpload>";
}

std::string DeleteXml(absl::Span<const std::string> keys) {
  std::string xml = absl::StrCat("<Delete xmlns=\"", kNamespace, "\"><Quiet>true</Quiet>");
  for (const std::string& key : keys) absl::StrAppend(&xml, "<Object><Key>", EscapeXml(key), "</Key></Object>");
  return xml + "</Delete>";
}

std::string CreateBucketXml(absl::string_view region) {
  if (region == "us-east-1") return "";
  return absl::StrCat("<CreateBucketConfiguration xmlns=\"", kNamespace, "\"><LocationConstraint>", EscapeXml(region),
                      "</LocationConstraint></CreateBucketConfiguration>");
}

}  // namespace mannequin::store
