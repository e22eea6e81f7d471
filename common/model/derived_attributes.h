// Takes colour, gender, material and size out of a title where a rule is certain.
//
//   product.set_title("Peter England Men's Navy Blue Cotton Shirt, Size 42");
//   DeriveAttributes(&product);   // color = navy blue, gender = men, material = cotton, size = 42
//
// Certain means: the title says it in words of a closed list (derived_words.h), says it once,
// and nothing beside the word gives it another meaning. When in doubt, nothing is derived.
//
//   color      exactly one colour, the longest name of it ("navy blue" before "blue"). Not of
//              a part ("blue dial"), in a name ("Red Bull"), or with a word that is a colour
//              at times ("cream", "rose", "gold", "multi"). Not in beauty and food, where a
//              colour is a shade's or a taste's name.
//   gender     "men", "women", "boys", "girls" or "unisex", when the title has one of them.
//              Not "boy" without "'s", nor behind a hyphen ("X-Men").
//   material   exactly one; "faux leather" and the like are told from "leather"; not what is
//              only like it or for it ("leather look", "leather cleaner").
//   size       behind the word "size": letters as in "XL", or a number up to 60.
//
// Words inside the product's brand do not count. Nothing is derived of books, films, music
// and software, whose titles mean what they like. How good that is: tests/bench, figures
// derive_color and derive_gender.
#pragma once

#include "mannequin/v1/product.pb.h"

namespace mannequin {

// Adds attributes "color", "gender", "material", "size" with `derived` set, as far as the
// title has them, the seller gave none of that kind ("colour", "department", "fabric" count
// too), and 64 are not there yet. Does not allocate but for the attributes. Thread-safe.
void DeriveAttributes(v1::Product* product);

}  // namespace mannequin
