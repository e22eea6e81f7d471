// What the drawings are put together from. Shapes live in a square of 200 by 200 around
// (100, 100), and name colours by tokens, so that a drawing reads like the thing drawn:
//   @P @S @A   primary, secondary, accent     @PD darker, @PL lighter (also @SD, @AL ...)
// and gradients by letter: p s a (lit from the side), r (primary, lit as a ball), m (metal).
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/mannequin/sample/draw.h"

namespace mannequin::sample {

// Token of the outline that goes with a gradient.
inline absl::string_view OutlineOf(absl::string_view fill) {
  if (fill == "s") return "@SDD";
  if (fill == "a") return "@ADD";
  if (fill == "m") return "#5d6068";
  return "@PDD";
}

// An outlined area.
inline std::string Part(absl::string_view path, absl::string_view fill = "p") {
  return absl::StrCat("<path d='", path, "' fill='url(#", fill, ")' stroke='", OutlineOf(fill),
                      "' stroke-width='1.3' stroke-linejoin='round'/>");
}

// The same with light along one side and shade along the other.
inline std::string Shaded(absl::string_view path, absl::string_view fill = "p") {
  return absl::StrCat(Part(path, fill), "<path d='", path, "' fill='url(#light)'/>");
}

// A flat area without outline.
inline std::string Flat(absl::string_view path, absl::string_view color, double opacity = 1) {
  return absl::StrCat("<path d='", path, "' fill='", color, "' fill-opacity='", opacity, "'/>");
}

inline std::string Stroke(absl::string_view path, absl::string_view color, double width, double opacity = 1) {
  return absl::StrCat("<path d='", path, "' fill='none' stroke='", color, "' stroke-width='", width,
                      "' stroke-linecap='round' stroke-linejoin='round' stroke-opacity='", opacity, "'/>");
}

// Stitches.
inline std::string Seam(absl::string_view path, absl::string_view color = "@PDD") {
  return absl::StrCat("<path d='", path, "' fill='none' stroke='", color,
                      "' stroke-width='0.9' stroke-dasharray='2.4 1.8' stroke-opacity='0.8'/>");
}

inline std::string Disc(double x, double y, double radius, absl::string_view fill) {
  return absl::StrCat("<circle cx='", x, "' cy='", y, "' r='", radius, "' fill='url(#", fill, ")' stroke='",
                      OutlineOf(fill), "' stroke-width='1'/>");
}

inline std::string Dot(double x, double y, double radius, absl::string_view color) {
  return absl::StrCat("<circle cx='", x, "' cy='", y, "' r='", radius, "' fill='", color, "'/>");
}

// Words printed on a product, as large as `width` allows.
std::string Print(absl::string_view text, double x, double y, double width, double max_size, absl::string_view color);

// Each draws one category, without its pose; see DrawProduct.
std::string AcousticGuitar(const Look& look);
std::string ElectricGuitar(const Look& look);
std::string Boot(const Look& look);
std::string Sneaker(const Look& look);
std::string Cap(const Look& look);
std::string Helmet(const Look& look);
std::string Hat(const Look& look);
std::string Dress(const Look& look);
std::string TShirt(const Look& look);
std::string Jacket(const Look& look);
std::string Bag(const Look& look);
std::string Watch(const Look& look);
std::string Backpack(const Look& look);
std::string Umbrella(const Look& look);
std::string Sunglasses(const Look& look);
std::string Headphones(const Look& look);
std::string Mug(const Look& look);
std::string Chair(const Look& look);
std::string Lamp(const Look& look);
std::string Bottle(const Look& look);

}  // namespace mannequin::sample
