// The mark of a picture that a network drew: IPTC's digital source type
// "trainedAlgorithmicMedia" in its XMP packet, whoever drew it.
// Source: https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia
//
//   if (HasGeneratedMark(bytes)) ...  // never shown as a photograph of the product
//
// A mark can be cut out: its absence proves nothing.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

inline constexpr char kGeneratedSourceType[] = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

// True when the XMP packet of an encoded picture names that source type. False also for
// bytes that are no picture. Reads metadata only. Thread-safe.
bool HasGeneratedMark(absl::string_view bytes);

// A packet that says that and nothing else: for pictures that are encoded anew.
std::string GeneratedMarkPacket();

}  // namespace mannequin
