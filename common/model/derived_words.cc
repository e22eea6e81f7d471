#include "common/model/derived_words.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

namespace mannequin {
namespace {

constexpr TitleWord kWords[] = {
    {"black", kColor, ""},
    {"white", kColor, ""},
    {"blue", kColor, ""},
    {"navy", kColor | kShade, "navy blue"},
    {"brown", kColor, ""},
    {"grey", kColor, ""},
    {"gray", kColor, "grey"},
    {"red", kColor, ""},
    {"green", kColor, ""},
    {"pink", kColor, ""},
    {"purple", kColor, ""},
    {"beige", kColor, ""},
    {"yellow", kColor, ""},
    {"maroon", kColor, ""},
    {"orange", kColor, ""},
    {"olive", kColor | kShade, ""},
    {"teal", kColor, ""},
    {"magenta", kColor, ""},
    {"burgundy", kColor, ""},
    {"turquoise", kColor | kShade, ""},
    {"tan", kColor, ""},

    {"light", kShade | kNotItsColor, ""},
    {"dark", kShade, ""},
    {"pale", kShade, ""},
    {"deep", kShade, ""},
    {"bright", kShade, ""},
    {"neon", kShade, ""},
    {"fluorescent", kShade, ""},
    {"royal", kShade, ""},
    {"sky", kShade, ""},
    {"ice", kShade, ""},
    {"baby", kShade, ""},
    {"powder", kShade, ""},
    {"cobalt", kShade, ""},
    {"electric", kShade, ""},
    {"midnight", kShade, ""},
    {"sea", kShade, ""},
    {"forest", kShade, ""},
    {"bottle", kShade, ""},
    {"hot", kShade, ""},
    {"off", kShade, ""},
    {"jet", kShade, ""},
    {"mushroom", kShade, ""},

    // Also the name of a stone, a metal, a scent, a food, or of several colours.
    {"aqua", kMaybeColor | kShade, ""},
    {"bluish", kMaybeColor, ""},
    {"bronze", kMaybeColor, ""},
    {"camel", kMaybeColor, ""},
    {"camo", kMaybeColor, ""},
    {"camouflage", kMaybeColor, ""},
    {"charcoal", kMaybeColor, ""},
    {"chocolate", kMaybeColor | kShade, ""},
    {"clear", kMaybeColor, ""},
    {"coffee", kMaybeColor | kShade, ""},
    {"copper", kMaybeColor, ""},
    {"coral", kMaybeColor, ""},
    {"cream", kMaybeColor, ""},
    {"crimson", kMaybeColor, ""},
    {"emerald", kMaybeColor | kShade, ""},
    {"fuchsia", kMaybeColor, ""},
    {"gold", kMaybeColor, ""},
    {"golden", kMaybeColor, ""},
    {"greyish", kMaybeColor, ""},
    {"gunmetal", kMaybeColor, ""},
    {"indigo", kMaybeColor, ""},
    {"ivory", kMaybeColor, ""},
    {"khaki", kMaybeColor, ""},
    {"lavender", kMaybeColor, ""},
    {"lilac", kMaybeColor, ""},
    {"lime", kMaybeColor | kShade, ""},
    {"mauve", kMaybeColor, ""},
    {"metallic", kMaybeColor, ""},
    {"mint", kMaybeColor | kShade, ""},
    {"multi", kMaybeColor, ""},
    {"multicolor", kMaybeColor, ""},
    {"multicolored", kMaybeColor, ""},
    {"multicolour", kMaybeColor, ""},
    {"multicoloured", kMaybeColor, ""},
    {"mustard", kMaybeColor, ""},
    {"nude", kMaybeColor, ""},
    {"peach", kMaybeColor, ""},
    {"platinum", kMaybeColor, ""},
    {"plum", kMaybeColor, ""},
    {"rainbow", kMaybeColor, ""},
    {"rose", kMaybeColor | kNotItsColor, ""},
    {"rust", kMaybeColor, ""},
    {"silver", kMaybeColor, ""},
    {"skin", kMaybeColor, ""},
    {"steel", kMaybeColor | kShade, ""},
    {"taupe", kMaybeColor, ""},
    {"transparent", kMaybeColor, ""},
    {"violet", kMaybeColor, ""},
    {"wine", kMaybeColor, ""},

    // Parts of a product, patterns on it, names.
    {"band", kNotItsColor, ""},
    {"bay", kNotItsColor, ""},
    {"berry", kNotItsColor, ""},
    {"bezel", kNotItsColor, ""},
    {"buffalo", kNotItsColor, ""},
    {"bull", kNotItsColor, ""},
    {"check", kNotItsColor, ""},
    {"checked", kNotItsColor, ""},
    {"checkered", kNotItsColor, ""},
    {"checks", kNotItsColor, ""},
    {"chief", kNotItsColor, ""},
    {"crystal", kNotItsColor, ""},
    {"day", kNotItsColor, ""},
    {"decker", kNotItsColor, ""},
    {"devils", kNotItsColor, ""},
    {"dial", kNotItsColor, ""},
    {"dials", kNotItsColor, ""},
    {"diamond", kNotItsColor, ""},
    {"eyed", kNotItsColor, ""},
    {"face", kNotItsColor, ""},
    {"floyd", kNotItsColor, ""},
    {"frame", kNotItsColor, ""},
    {"hat", kNotItsColor, ""},
    {"heart", kNotItsColor, ""},
    {"ink", kNotItsColor, ""},
    {"label", kNotItsColor, ""},
    {"lantern", kNotItsColor, ""},
    {"lens", kNotItsColor, ""},
    {"lenses", kNotItsColor, ""},
    {"magic", kNotItsColor, ""},
    {"melange", kNotItsColor, ""},
    {"noise", kNotItsColor, ""},
    {"panther", kNotItsColor, ""},
    {"pearl", kNotItsColor, ""},
    {"pearls", kNotItsColor, ""},
    {"pepper", kNotItsColor, ""},
    {"plated", kNotItsColor, ""},
    {"plating", kNotItsColor, ""},
    {"print", kNotItsColor | kNotItsMaterial, ""},
    {"ray", kNotItsColor, ""},
    {"sox", kNotItsColor, ""},
    {"stone", kNotItsColor, ""},
    {"stones", kNotItsColor, ""},
    {"strap", kNotItsColor, ""},
    {"stripe", kNotItsColor, ""},
    {"striped", kNotItsColor, ""},
    {"stripes", kNotItsColor, ""},
    {"tape", kNotItsColor, ""},
    {"tea", kNotItsColor, ""},
    {"tone", kNotItsColor, ""},
    {"toned", kNotItsColor, ""},
    {"widow", kNotItsColor, ""},
    {"wing", kNotItsColor, ""},

    {"men", kGender, ""},
    {"mens", kGender, "men"},
    {"gents", kGender, "men"},
    {"women", kGender, ""},
    {"womens", kGender, "women"},
    {"ladies", kGender, "women"},
    {"boys", kGender, ""},
    {"girls", kGender, ""},
    {"unisex", kGender, ""},
    {"boy", kSingularGender, "boys"},
    {"girl", kSingularGender, "girls"},

    {"cotton", kMaterial, ""},
    {"leather", kMaterial, ""},
    {"leatherette", kMaterial, ""},
    {"denim", kMaterial, ""},
    {"silk", kMaterial, ""},
    {"wool", kMaterial, ""},
    {"woollen", kMaterial, "wool"},
    {"woolen", kMaterial, "wool"},
    {"linen", kMaterial, ""},
    {"suede", kMaterial, ""},
    {"velvet", kMaterial, ""},
    {"satin", kMaterial, ""},
    {"chiffon", kMaterial, ""},
    {"georgette", kMaterial, ""},
    {"nylon", kMaterial, ""},
    {"polyester", kMaterial, ""},
    {"cashmere", kMaterial, ""},
    {"canvas", kMaterial, ""},
    {"fleece", kMaterial, ""},
    {"corduroy", kMaterial, ""},
    {"viscose", kMaterial, ""},
    {"rayon", kMaterial, ""},
    {"jute", kMaterial, ""},
    {"fur", kMaterial, ""},
    {"silicone", kMaterial, ""},

    {"faux", kImitation, ""},
    {"pu", kImitation, ""},
    {"vegan", kImitation, ""},
    {"imitation", kImitation, ""},
    {"artificial", kImitation, ""},
    {"synthetic", kImitation, ""},

    {"blend", kNotItsMaterial, ""},
    {"blended", kNotItsMaterial, ""},
    {"candy", kNotItsMaterial, ""},
    {"care", kNotItsMaterial, ""},
    {"cleaner", kNotItsMaterial, ""},
    {"co", kNotItsMaterial, ""},
    {"conditioner", kNotItsMaterial, ""},
    {"county", kNotItsMaterial, ""},
    {"dye", kNotItsMaterial, ""},
    {"effect", kNotItsMaterial, ""},
    {"feel", kNotItsMaterial, ""},
    {"finish", kNotItsMaterial, ""},
    {"free", kNotItsMaterial, ""},
    {"like", kNotItsMaterial, ""},
    {"lined", kNotItsMaterial, ""},
    {"lining", kNotItsMaterial, ""},
    {"look", kNotItsMaterial, ""},
    {"mix", kNotItsMaterial, ""},
    {"on", kNotItsMaterial, ""},
    {"polish", kNotItsMaterial, ""},
    {"repair", kNotItsMaterial, ""},
    {"rich", kNotItsMaterial, ""},
    {"screen", kNotItsMaterial, ""},
    {"touch", kNotItsMaterial, ""},
    {"trim", kNotItsMaterial, ""},
    {"trimmed", kNotItsMaterial, ""},
    {"wash", kNotItsMaterial, ""},

    {"size", kSizeMarker, ""},
    {"xxs", kSizeName, ""},
    {"xs", kSizeName, ""},
    {"s", kSizeName, ""},
    {"m", kSizeName, ""},
    {"l", kSizeName, ""},
    {"xl", kSizeName, ""},
    {"xxl", kSizeName, ""},
    {"xxxl", kSizeName, ""},
    {"2xl", kSizeName, ""},
    {"3xl", kSizeName, ""},
    {"4xl", kSizeName, ""},
    {"5xl", kSizeName, ""},
    {"bed", kNotItsSize, ""},
    {"cm", kNotItsSize, ""},
    {"family", kNotItsSize, ""},
    {"full", kNotItsSize, ""},
    {"g", kNotItsSize, ""},
    {"inch", kNotItsSize, ""},
    {"inches", kNotItsSize, ""},
    {"kg", kNotItsSize, ""},
    {"king", kNotItsSize, ""},
    {"lb", kNotItsSize, ""},
    {"ml", kNotItsSize, ""},
    {"mm", kNotItsSize, ""},
    {"one", kNotItsSize, ""},
    {"ounce", kNotItsSize, ""},
    {"oz", kNotItsSize, ""},
    {"pack", kNotItsSize, ""},
    {"pcs", kNotItsSize, ""},
    {"pieces", kNotItsSize, ""},
    {"queen", kNotItsSize, ""},
    {"travel", kNotItsSize, ""},
    {"twin", kNotItsSize, ""},

    {"apps", kOfWorks, ""},
    {"audible", kOfWorks, ""},
    {"book", kOfWorks, ""},
    {"books", kOfWorks, ""},
    {"cds", kOfWorks, ""},
    {"dvd", kOfWorks, ""},
    {"dvds", kOfWorks, ""},
    {"ebook", kOfWorks, ""},
    {"ebooks", kOfWorks, ""},
    {"film", kOfWorks, ""},
    {"films", kOfWorks, ""},
    {"kindle", kOfWorks, ""},
    {"magazine", kOfWorks, ""},
    {"magazines", kOfWorks, ""},
    {"movie", kOfWorks, ""},
    {"movies", kOfWorks, ""},
    {"music", kOfWorks, ""},
    {"posters", kOfWorks, ""},
    {"software", kOfWorks, ""},
    {"video", kOfWorks, ""},
    {"videos", kOfWorks, ""},
    {"vinyl", kOfWorks, ""},

    {"beauty", kOfTastes, ""},
    {"cosmetics", kOfTastes, ""},
    {"food", kOfTastes, ""},
    {"foods", kOfTastes, ""},
    {"fragrance", kOfTastes, ""},
    {"fragrances", kOfTastes, ""},
    {"gourmet", kOfTastes, ""},
    {"grocery", kOfTastes, ""},
    {"makeup", kOfTastes, ""},
    {"perfume", kOfTastes, ""},
    {"perfumes", kOfTastes, ""},
    {"personal", kOfTastes, ""},
};

struct Shade {
  absl::string_view color;
  // Each between two blanks.
  absl::string_view shades;
};
constexpr Shade kShades[] = {
    {"blue",
     " navy light dark pale deep bright royal sky turquoise ice baby powder cobalt electric midnight steel aqua neon "},
    {"grey", " light dark pale deep steel ice "},
    {"green", " olive sea lime light dark pale deep bright fluorescent neon forest emerald mint bottle "},
    {"brown", " light dark deep pale coffee mushroom chocolate "},
    {"pink", " light dark pale deep bright hot baby neon "},
    {"red", " dark bright deep "},
    {"white", " off "},
    {"purple", " light dark pale deep bright "},
    {"yellow", " light dark pale bright neon "},
    {"orange", " light dark bright neon "},
    {"black", " jet "},
};

// Open addressing, filled by the compiler. Most words of a title are none of ours: their
// first letter and length say so, before anything is compared.
class WordTable {
 public:
  constexpr WordTable() {
    for (size_t i = 0; i < std::size(kWords); ++i) {
      const TitleWordKey key(kWords[i].text);
      size_t slot = key.Hash();
      while (slots_[slot].word != 0) slot = (slot + 1) % kSlots;
      slots_[slot].key = key;
      slots_[slot].word = static_cast<uint16_t>(i + 1);
      lengths_[key.first()] |= 1u << key.size();
    }
  }
  constexpr const TitleWord* Find(const TitleWordKey& key) const {
    if (key.size() > TitleWordKey::kLongest || (lengths_[key.first()] >> key.size() & 1) == 0) return nullptr;
    for (size_t slot = key.Hash(); slots_[slot].word != 0; slot = (slot + 1) % kSlots) {
      if (slots_[slot].key == key) return &kWords[slots_[slot].word - 1];
    }
    return nullptr;
  }

 private:
  static constexpr size_t kSlots = 512;
  static_assert(std::size(kWords) * 3 < kSlots * 2);

  struct Slot {
    TitleWordKey key{""};
    // Its index in kWords and 1; 0 when the slot is empty.
    uint16_t word = 0;
  };
  std::array<Slot, kSlots> slots_{};
  // Of our words that begin with a byte: a bit a length.
  std::array<uint32_t, 256> lengths_{};
};
constexpr WordTable kTable;

}  // namespace

const TitleWord* FindTitleWord(const TitleWordKey& key) { return kTable.Find(key); }

bool IsShade(absl::string_view shade, absl::string_view color) {
  const Shade* const found =
      std::find_if(std::begin(kShades), std::end(kShades), [color](const Shade& s) { return s.color == color; });
  if (found == std::end(kShades)) return false;
  const absl::string_view shades = found->shades;
  const size_t at = shades.find(shade);
  return at != absl::string_view::npos && at > 0 && shades[at - 1] == ' ' && shades[at + shade.size()] == ' ';
}

}  // namespace mannequin
