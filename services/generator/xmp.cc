#include "services/generator/xmp.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/image/generated_mark.h"

namespace mannequin {

std::string EscapeXml(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&apos;";
        break;
      // A parser would turn these into spaces within an attribute.
      case '\t':
        escaped += "&#9;";
        break;
      case '\n':
        escaped += "&#10;";
        break;
      case '\r':
        escaped += "&#13;";
        break;
      default:
        byte < 0x20 ? escaped += "\uFFFD" : escaped += c;
    }
  }
  // U+FFFE and U+FFFF, the two of the plane that XML leaves out.
  return absl::StrReplaceAll(escaped, {{"\xEF\xBF\xBE", "\uFFFD"}, {"\xEF\xBF\xBF", "\uFFFD"}});
}

std::string GeneratedXmp(const Provenance& provenance) {
  // U+FEFF in `begin` tells a scanner the packet's encoding; the id is XMP's own constant.
  return absl::StrCat(
      "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
      "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
      "<rdf:Description rdf:about=\"\""
      " xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\""
      " xmlns:mannequin=\"urn:mannequin:xmp:1\""
      " Iptc4xmpExt:DigitalSourceType=\"",
      kGeneratedSourceType, "\" mannequin:ProductId=\"", EscapeXml(provenance.product_id),
      "\" mannequin:BundleVersion=\"", EscapeXml(provenance.bundle_version), "\" mannequin:Seed=\"", provenance.seed,
      "\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>");
}

}  // namespace mannequin
