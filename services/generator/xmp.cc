#include "services/generator/xmp.h"

#include "absl/strings/str_cat.h"
#include "common/base/xml.h"
#include "common/image/generated_mark.h"

namespace mannequin {

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
      provenance.category_card ? kProgramSourceType : kGeneratedSourceType, "\" mannequin:ProductId=\"",
      EscapeXml(provenance.product_id), "\" mannequin:BundleVersion=\"", EscapeXml(provenance.bundle_version),
      provenance.category_card ? "\" mannequin:Drawing=\"category card"
                               : absl::StrCat("\" mannequin:Seed=\"", provenance.seed),
      "\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>");
}

}  // namespace mannequin
