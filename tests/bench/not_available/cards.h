// Cards that shops show for what they have no photo of, drawn: icons, words of many
// languages, grey and coloured, of many sizes, encoded as shops do.
#pragma once

#include <string>
#include <vector>

namespace mannequin {

struct Card {
  std::string name;   // what is on it, for messages
  std::string bytes;  // JPEG, PNG or GIF
};

// The same for each call.
std::vector<Card> DrawCards();

}  // namespace mannequin
