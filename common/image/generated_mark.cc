#include "common/image/generated_mark.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/image/image.h"
#include "common/image/vips_handle.h"

namespace mannequin {
namespace {

absl::string_view SourceTypeIn(absl::string_view xmp) {
  if (absl::StrContains(xmp, kGeneratedSourceType)) return kGeneratedSourceType;
  if (absl::StrContains(xmp, kProgramSourceType)) return kProgramSourceType;
  return "";
}

}  // namespace

bool NamesGeneratedSource(absl::string_view xmp) { return !SourceTypeIn(xmp).empty(); }

absl::string_view GeneratedSourceTypeOf(absl::string_view bytes) {
  InitImages();
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(bytes);
  if (!header.ok()) return "";
  // All but PNG hold XMP as it is: most pictures are answered by this search alone.
  const absl::string_view anywhere = header->media_type == "image/png" ? "" : SourceTypeIn(bytes);
  if (header->media_type != "image/png" && anywhere.empty()) return "";
  // libvips reads no packet of these: the extension of GIF and the item of AVIF that hold it.
  if (header->media_type == "image/gif") return absl::StrContains(bytes, "XMP DataXMP") ? anywhere : "";
  if (header->media_type == "image/avif") return absl::StrContains(bytes, "application/rdf+xml") ? anywhere : "";
  const VipsHandle image(
      vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL, nullptr));
  if (image == nullptr) {
    vips_error_clear();
    return "";
  }
  if (vips_image_get_typeof(image.get(), VIPS_META_XMP_NAME) == 0) return "";
  const void* xmp = nullptr;
  std::size_t size = 0;
  if (vips_image_get_blob(image.get(), VIPS_META_XMP_NAME, &xmp, &size) != 0) return "";
  return SourceTypeIn(absl::string_view(static_cast<const char*>(xmp), size));
}

std::string GeneratedMarkPacket(absl::string_view source_type) {
  return absl::StrCat(
      "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
      "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" "
      "xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" Iptc4xmpExt:DigitalSourceType=\"",
      source_type, "\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>");
}

}  // namespace mannequin
