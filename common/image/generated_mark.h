// The mark of a picture that no camera took: IPTC's digital source type in its XMP packet,
// whoever drew it. "trainedAlgorithmicMedia" when a network drew it, "algorithmicMedia" when
// a program did that learnt from nothing, such as a card with words on it.
// Source: https://cv.iptc.org/newscodes/digitalsourcetype/
//
//   if (HasGeneratedMark(bytes)) ...  // never shown as a photograph of the product
//
// A mark can be cut out: its absence proves nothing.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

inline constexpr char kGeneratedSourceType[] = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
inline constexpr char kProgramSourceType[] = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia";

// Whether an XMP packet names one of the two.
bool NamesGeneratedSource(absl::string_view xmp);

// Which of the two the XMP packet of an encoded picture names; empty for neither, and for
// bytes that are no picture. Reads metadata only. Thread-safe.
absl::string_view GeneratedSourceTypeOf(absl::string_view bytes);
inline bool HasGeneratedMark(absl::string_view bytes) { return !GeneratedSourceTypeOf(bytes).empty(); }

// A packet that says that and nothing else: for pictures that are encoded anew.
std::string GeneratedMarkPacket(absl::string_view source_type = kGeneratedSourceType);

}  // namespace mannequin
