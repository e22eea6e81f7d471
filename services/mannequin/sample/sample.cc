#include "services/mannequin/sample/sample.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

using Random = std::mt19937_64;
using sample::Backdrop;
using sample::DrawProduct;
using sample::HasPrint;
using sample::Look;

struct NamedColor {
  const char* name;
  Color color;
};

// Order matters: categories choose by index.
constexpr NamedColor kColors[] = {
    {"black", {46, 46, 52}},    {"white", {240, 239, 234}}, {"red", {198, 38, 48}},      {"blue", {36, 92, 186}},
    {"navy", {30, 46, 88}},     {"green", {46, 128, 82}},   {"yellow", {240, 194, 48}},  {"pink", {232, 138, 168}},
    {"purple", {112, 66, 162}}, {"brown", {128, 80, 48}},   {"grey", {140, 144, 152}},   {"orange", {232, 122, 38}},
    {"teal", {32, 140, 142}},   {"beige", {220, 200, 166}}, {"natural", {218, 164, 96}}, {"mahogany", {142, 68, 40}}};

enum ColorIndex {
  kBlack,
  kWhite,
  kRed,
  kBlue,
  kNavy,
  kGreen,
  kYellow,
  kPink,
  kPurple,
  kBrown,
  kGrey,
  kOrange,
  kTeal,
  kBeige,
  kNatural,
  kMahogany
};

struct Brand {
  const char* name;
  int accent;  // its colour on everything it makes
  int style;   // the shape it makes most
};

struct Category {
  const char* leaf;
  std::vector<const char*> above;
  std::array<const char*, 3> styles;    // words for shapes 0 to 2
  std::array<const char*, 3> patterns;  // words for decorations 0 to 2; "": none to name
  std::vector<const char*> materials;
  std::vector<int> colors;
  int secondary;  // colour of the second part; -1: by chance
  std::vector<Brand> brands;
  double angle;      // poses turn this far either way
  const char* noun;  // in titles
};

const std::vector<Category>& Categories() {
  static const auto& categories =
      *new std::vector<Category>{{"Acoustic Guitar",
                                  {"Musical Instruments", "Guitars"},
                                  {"Dreadnought", "Cutaway", "Classical"},
                                  {"", "with Pickguard", "with Pickguard"},
                                  {"spruce", "cedar", "mahogany wood"},
                                  {kNatural, kMahogany, kBlack, kBlue, kRed},
                                  kBrown,
                                  {{"Larkwell", kBeige, 0}, {"Tamarin", kTeal, 1}, {"Oude Linde", kRed, 2}},
                                  32,
                                  "Acoustic Guitar"},
                                 {"Electric Guitar",
                                  {"Musical Instruments", "Guitars"},
                                  {"Double Cut", "Single Cut", "Arrow"},
                                  {"", "Burst", ""},
                                  {"alder", "basswood", "maple"},
                                  {kRed, kBlack, kBlue, kWhite, kYellow, kTeal, kPink},
                                  kWhite,
                                  {{"Voltaire Row", kRed, 0}, {"Ironfinch", kYellow, 1}, {"Kestrel & Bow", kBlue, 2}},
                                  38,
                                  "Electric Guitar"},
                                 {"Headphones",
                                  {"Electronics", "Audio"},
                                  {"Over-Ear", "Studio", "On-Ear"},
                                  {"", "with Microphone", ""},
                                  {"plastic", "aluminium", "leatherette"},
                                  {kBlack, kWhite, kRed, kBlue, kTeal, kPink, kYellow},
                                  kBlack,
                                  {{"Sonaro", kOrange, 0}, {"Quietly", kTeal, 1}, {"Beatnest", kRed, 2}},
                                  8,
                                  "Headphones"},
                                 {"Boot",
                                  {"Clothing, Shoes & Jewelry", "Shoes"},
                                  {"Lace-Up", "Chelsea", "Rain"},
                                  {"", "", ""},
                                  {"leather", "suede", "rubber"},
                                  {kBrown, kBlack, kRed, kGreen, kYellow, kNavy},
                                  kBlack,
                                  {{"Norvane", kYellow, 0}, {"Hazel & Reed", kBeige, 1}, {"Puddlemark", kWhite, 2}},
                                  7,
                                  "Boot"},
                                 {"Sneaker",
                                  {"Clothing, Shoes & Jewelry", "Shoes"},
                                  {"Low-Top", "High-Top", "Striped"},
                                  {"", "", ""},
                                  {"mesh", "canvas", "leather"},
                                  {kWhite, kBlack, kRed, kBlue, kGreen, kOrange, kPink, kGrey},
                                  -1,
                                  {{"Fleetline", kOrange, 0}, {"Courtside", kWhite, 1}, {"Trivano", kTeal, 2}},
                                  9,
                                  "Sneaker"},
                                 {"Cap",
                                  {"Clothing, Shoes & Jewelry", "Hats & Caps"},
                                  {"Baseball", "Contrast Bill", "Two-Tone"},
                                  {"", "with Star", ""},
                                  {"cotton", "twill", "wool"},
                                  {kBlack, kNavy, kRed, kGreen, kYellow, kBeige, kWhite},
                                  kGrey,
                                  {{"Bramblewood", kYellow, 0}, {"Northgate", kRed, 1}, {"Halfmoon", kWhite, 2}},
                                  9,
                                  "Cap"},
                                 {"Hat",
                                  {"Clothing, Shoes & Jewelry", "Hats & Caps"},
                                  {"Fedora", "Sun", "Bowler"},
                                  {"", "", ""},
                                  {"felt", "straw", "wool"},
                                  {kBrown, kBeige, kBlack, kGrey, kRed, kGreen},
                                  kBlack,
                                  {{"Marlowe", kNavy, 0}, {"Solana", kRed, 1}, {"Pemberly", kTeal, 2}},
                                  8,
                                  "Hat"},
                                 {"Helmet",
                                  {"Sports & Outdoors", "Protective Gear"},
                                  {"Bicycle", "Motorcycle", "Safety"},
                                  {"", "", ""},
                                  {"polycarbonate", "fibreglass", "ABS"},
                                  {kRed, kBlue, kYellow, kWhite, kBlack, kOrange, kGreen},
                                  kGrey,
                                  {{"Velora", kWhite, 0}, {"Redstart", kYellow, 1}, {"Sitehand", kBlack, 2}},
                                  8,
                                  "Helmet"},
                                 {"Dress",
                                  {"Clothing, Shoes & Jewelry", "Women"},
                                  {"A-Line", "Maxi", "Short Sleeve"},
                                  {"", "Polka Dot", "Banded"},
                                  {"cotton", "linen", "silk"},
                                  {kRed, kNavy, kBlack, kPink, kGreen, kYellow, kPurple, kTeal},
                                  kWhite,
                                  {{"Aurelie", kBeige, 0}, {"Willowmere", kPink, 1}, {"Juno Park", kYellow, 2}},
                                  5,
                                  "Dress"},
                                 {"T-Shirt",
                                  {"Clothing, Shoes & Jewelry", "Men"},
                                  {"Crew Neck", "Raglan", "V-Neck"},
                                  {"", "Striped", "Pocket"},
                                  {"cotton", "jersey", "bamboo viscose"},
                                  {kWhite, kBlack, kRed, kBlue, kGreen, kYellow, kGrey, kOrange},
                                  -1,
                                  {{"Plainfield", kNavy, 0}, {"Dockyard", kOrange, 1}, {"Basalt", kTeal, 2}},
                                  6,
                                  "T-Shirt"},
                                 {"Jacket",
                                  {"Clothing, Shoes & Jewelry", "Men"},
                                  {"Quilted", "Bomber", "Blazer"},
                                  {"", "Two-Tone", ""},
                                  {"nylon", "polyester", "wool"},
                                  {kNavy, kBlack, kGreen, kRed, kOrange, kBrown, kGrey},
                                  kBlack,
                                  {{"Fjordline", kOrange, 0}, {"Skylark", kRed, 1}, {"Ashdown", kBeige, 2}},
                                  5,
                                  "Jacket"},
                                 {"Bag",
                                  {"Clothing, Shoes & Jewelry", "Bags"},
                                  {"Handbag", "Tote", "Crossbody"},
                                  {"", "Two-Tone", ""},
                                  {"leather", "canvas", "vegan leather"},
                                  {kBrown, kBlack, kRed, kBeige, kNavy, kPink, kGreen},
                                  kBrown,
                                  {{"Corvelle", kBeige, 0}, {"Marketday", kRed, 1}, {"Lindqvist", kYellow, 2}},
                                  6,
                                  "Bag"},
                                 {"Backpack",
                                  {"Clothing, Shoes & Jewelry", "Bags"},
                                  {"Daypack", "Laptop", "Rucksack"},
                                  {"", "Two-Tone", ""},
                                  {"nylon", "canvas", "recycled polyester"},
                                  {kBlack, kBlue, kGreen, kRed, kGrey, kYellow, kNavy},
                                  kGrey,
                                  {{"Summit Fox", kOrange, 0}, {"Commutia", kTeal, 1}, {"Oldtrail", kBrown, 2}},
                                  6,
                                  "Backpack"},
                                 {"Watch",
                                  {"Clothing, Shoes & Jewelry", "Watches"},
                                  {"Round", "Square", "Bracelet"},
                                  {"", "Chronograph", ""},
                                  {"leather strap", "silicone strap", "steel"},
                                  {kBlack, kBrown, kBlue, kRed, kGreen, kWhite},
                                  -1,
                                  {{"Meridiem", kRed, 0}, {"Quadrant", kOrange, 1}, {"Helvar", kBlue, 2}},
                                  14,
                                  "Watch"},
                                 {"Sunglasses",
                                  {"Clothing, Shoes & Jewelry", "Accessories"},
                                  {"Wayfarer Style", "Aviator Style", "Round"},
                                  {"", "", ""},
                                  {"acetate", "metal", "plastic"},
                                  {kBlack, kBrown, kRed, kBlue, kWhite, kGreen},
                                  -1,
                                  {{"Solstead", kYellow, 0}, {"Highwing", kGrey, 1}, {"Oculane", kRed, 2}},
                                  10,
                                  "Sunglasses"},
                                 {"Umbrella",
                                  {"Clothing, Shoes & Jewelry", "Accessories"},
                                  {"Classic", "Golf", "Folded"},
                                  {"", "Two-Tone", ""},
                                  {"polyester", "pongee", "nylon"},
                                  {kBlack, kRed, kBlue, kYellow, kGreen, kPurple, kPink},
                                  kWhite,
                                  {{"Drizzlewick", kBrown, 0}, {"Fairway Co", kNavy, 1}, {"Galeward", kRed, 2}},
                                  20,
                                  "Umbrella"},
                                 {"Mug",
                                  {"Home & Kitchen", "Drinkware"},
                                  {"Straight", "Tapered", "Barrel"},
                                  {"", "Banded", "Heart"},
                                  {"ceramic", "stoneware", "enamel"},
                                  {kWhite, kRed, kBlue, kGreen, kYellow, kBlack, kTeal, kOrange},
                                  kWhite,
                                  {{"Hearthstead", kOrange, 0}, {"Clayburn", kNavy, 1}, {"Potter's Lane", kPink, 2}},
                                  6,
                                  "Mug"},
                                 {"Bottle",
                                  {"Home & Kitchen", "Drinkware"},
                                  {"Insulated", "Flask", "Sport"},
                                  {"", "", ""},
                                  {"stainless steel", "glass", "plastic"},
                                  {kBlue, kBlack, kGreen, kRed, kWhite, kTeal, kPink, kGrey},
                                  kGrey,
                                  {{"Rillwater", kYellow, 0}, {"Alpenquell", kRed, 1}, {"Sprintora", kOrange, 2}},
                                  12,
                                  "Water Bottle"},
                                 {"Chair",
                                  {"Home & Kitchen", "Furniture"},
                                  {"Dining", "Office", "Armchair"},
                                  {"", "", ""},
                                  {"oak", "mesh", "velvet"},
                                  {kRed, kBlue, kGreen, kGrey, kYellow, kBlack, kTeal},
                                  kBrown,
                                  {{"Stillwood", kBeige, 0}, {"Deskhaven", kTeal, 1}, {"Lounge & Co", kOrange, 2}},
                                  4,
                                  "Chair"},
                                 {"Lamp",
                                  {"Home & Kitchen", "Lighting"},
                                  {"Table", "Desk", "Floor"},
                                  {"", "", "Pleated"},
                                  {"ceramic", "metal", "brass"},
                                  {kWhite, kRed, kBlue, kGreen, kYellow, kBlack, kBeige},
                                  -1,
                                  {{"Lumiere Nord", kBrown, 0}, {"Articula", kRed, 1}, {"Evenglow", kYellow, 2}},
                                  4,
                                  "Lamp"}};
  return categories;
}

constexpr const char* kModels[] = {"Alba",   "Bergen",  "Cadence", "Dune",  "Echo",  "Fable",  "Grove",  "Harbor",
                                   "Iris",   "Juniper", "Kite",    "Lumen", "Mesa",  "Nimbus", "Orbit",  "Pine",
                                   "Quartz", "Ridge",   "Solo",    "Terra", "Umber", "Vista",  "Willow", "Zephyr"};
constexpr const char* kSlogans[] = {"GOOD DAY",  "STAY WILD", "HELLO", "COFFEE FIRST", "NO PLAN B", "RUN CLUB",
                                    "DREAM BIG", "HOME TEAM", "1987",  "BE KIND",      "LAKE LIFE", "MONDAY"};
constexpr const char* kOccasions[] = {"everyday use", "travel",    "weekends",  "the office",
                                      "gifts",        "long days", "beginners", "the outdoors"};

template <typename Container>
const auto& Pick(Random& random, const Container& container) {
  return container[absl::Uniform(random, std::size_t{0}, std::size(container))];
}

// The first letter of every word in capitals.
std::string Titled(absl::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i == 0 || out[i - 1] == ' ') out[i] = absl::ascii_toupper(static_cast<unsigned char>(out[i]));
  }
  return out;
}

int OtherColor(Random& random, int than) {
  for (;;) {
    const int color = absl::Uniform(random, 0, static_cast<int>(kNatural));
    if (color != than) return color;
  }
}

void AddAttribute(v1::Product& product, const char* name, const std::string& value) {
  v1::Attribute* attribute = product.add_attributes();
  attribute->set_name(name);
  attribute->set_value(value);
}

// Pose, light and place: chance alone.
void Pose(Random& random, double angle, Look& look) {
  look.angle = absl::Uniform(random, -angle, angle);
  look.scale = absl::Uniform(random, 0.68, 0.92);
  const double room = 0.5 * (0.96 - look.scale);
  look.shift_x = absl::Uniform(random, -room, room) * 0.7;
  look.shift_y = absl::Uniform(random, -room, room) * 0.5;
  look.flipped = absl::Bernoulli(random, 0.5);
  look.light_from_right = absl::Bernoulli(random, 0.5);
  const double scene = absl::Uniform(random, 0.0, 1.0);
  look.backdrop = scene < 0.45   ? Backdrop::kWhite
                  : scene < 0.65 ? Backdrop::kGrey
                  : scene < 0.85 ? Backdrop::kSoft
                                 : Backdrop::kRoom;
  look.wall = kColors[absl::Uniform(random, 0, static_cast<int>(kNatural))].color;
}

// A product of `category`: its look and the words that fit it.
SampleProduct MakeProduct(Random& random, const Category& category) {
  SampleProduct made;
  Look& look = made.shown;
  v1::Product& product = made.product;
  const Brand& brand = Pick(random, category.brands);
  const int color = Pick(random, category.colors);
  look.category = category.leaf;
  look.style = absl::Bernoulli(random, 0.6) ? brand.style : absl::Uniform(random, 0, 3);
  look.pattern = absl::Uniform(random, 0, 3);
  look.primary = kColors[color].color;
  const int second =
      category.secondary >= 0 && category.secondary != color ? category.secondary : OtherColor(random, color);
  look.secondary = kColors[second].color;
  // On its own colour a brand's mark would not be seen.
  look.accent = kColors[brand.accent != color ? brand.accent : color == kWhite ? kNavy : kWhite].color;
  // A steel bracelet's watch is called by its dial.
  if (look.category == "Watch" && look.style == 2) look.secondary = look.primary;
  if (HasPrint(look.category) && look.style != 2 && absl::Bernoulli(random, 0.3)) {
    look.print = Pick(random, kSlogans);
    made.has_print = true;
  }
  Pose(random, category.angle, look);

  std::string material = Pick(random, category.materials);
  // What the shape decides is no matter of chance.
  if (look.category == "Boot" && look.style == 2) material = "rubber";
  if (look.category == "Watch" && look.style == 2) material = "steel";
  if (look.category == "Watch" && look.style != 2 && material == "steel") material = "leather strap";
  if (look.category == "Chair") material = category.materials[look.style];
  if (look.category == "Sunglasses") material = look.style == 1 ? "metal" : "acetate";
  if (look.category == "Hat" && look.style == 1) material = "straw";
  if (look.category == "Hat" && look.style != 1 && material == "straw") material = "felt";

  const std::string style = category.styles[look.style];
  const std::string pattern = look.print.empty() ? category.patterns[look.pattern] : "";
  std::vector<std::string> words = {brand.name, Pick(random, kModels), Titled(kColors[color].name), Titled(material),
                                    style};
  if (!pattern.empty() && pattern.rfind("with", 0) != 0) words.push_back(pattern);
  // "Armchair" and "Handbag" say it already.
  if (!absl::EndsWith(style, absl::AsciiStrToLower(category.noun))) words.push_back(category.noun);
  if (pattern.rfind("with", 0) == 0) words.push_back(pattern);
  if (made.has_print) words.push_back(absl::StrCat("\"", look.print, "\""));
  product.set_title(absl::StrJoin(words, " "));
  product.set_brand(brand.name);
  for (const char* part : category.above) product.add_category_path(part);
  product.add_category_path(category.leaf);
  AddAttribute(product, "color", kColors[color].name);
  AddAttribute(product, "material", material);
  AddAttribute(product, "style", absl::AsciiStrToLower(style));
  if (!pattern.empty()) AddAttribute(product, "pattern", absl::AsciiStrToLower(pattern));
  if (made.has_print) AddAttribute(product, "print", look.print);
  product.set_description(absl::StrCat("A ", kColors[color].name, " ", absl::AsciiStrToLower(category.noun), " of ",
                                       material, " by ", brand.name, ", ", absl::AsciiStrToLower(style),
                                       " shape, made for ", Pick(random, kOccasions), "."));
  return made;
}

// One truth a product, shuffled.
std::vector<SampleTruth> Truths(Random& random, int count) {
  std::vector<SampleTruth> truths(count, SampleTruth::kClean);
  int next = 0;
  const auto put = [&](SampleTruth truth, int number) {
    for (; number > 0 && next < count; --number) truths[next++] = truth;
  };
  if (count >= 40) {
    put(SampleTruth::kHtml, 1);
    put(SampleTruth::kEmpty, 1);
    put(SampleTruth::kTruncated, 1);
  }
  put(SampleTruth::kOverlay, (count * 5 + 50) / 100);
  put(SampleTruth::kMismatch, (count * 4 + 50) / 100);
  put(SampleTruth::kNoImage, (count * 3 + 50) / 100);
  put(SampleTruth::kNotFound, (count * 3 + 50) / 100);
  std::shuffle(truths.begin(), truths.end(), random);
  return truths;
}

}  // namespace

absl::string_view TruthName(SampleTruth truth) {
  constexpr std::array<absl::string_view, kSampleTruths> kNames = {"clean",     "overlay", "mismatch", "no_image",
                                                                   "not_found", "html",    "empty",    "truncated"};
  return kNames[static_cast<std::size_t>(truth)];
}

SampleCatalog MakeSample(const SampleOptions& options) {
  SampleCatalog catalog;
  catalog.options = options;
  Random random(options.seed);
  const std::vector<Category>& categories = Categories();
  const std::vector<SampleTruth> truths = Truths(random, options.count);
  catalog.products.reserve(truths.size());
  for (std::size_t i = 0; i < truths.size(); ++i) {
    // By turns, so that every category has its share.
    const std::size_t mine = i % categories.size();
    SampleProduct product = MakeProduct(random, categories[mine]);
    product.truth = truths[i];
    product.product.set_id(absl::StrFormat("S%06d", i + 1));
    if (product.truth != SampleTruth::kNoImage)
      product.product.set_image_url(absl::StrCat("/", product.product.id(), ".jpg"));
    if (product.truth == SampleTruth::kMismatch) {
      const std::size_t other = (mine + absl::Uniform(random, std::size_t{1}, categories.size())) % categories.size();
      product.shown = MakeProduct(random, categories[other]).shown;
    } else if (product.truth == SampleTruth::kOverlay) {
      product.overlay = RandomOverlay(random, options.size);
    }
    catalog.products.push_back(std::move(product));
  }
  return catalog;
}

absl::StatusOr<std::string> ImageBody(const SampleOptions& options, const SampleProduct& product) {
  switch (product.truth) {
    case SampleTruth::kNoImage:
    case SampleTruth::kNotFound:
      return absl::NotFoundError(absl::StrCat("sample product ", product.product.id(), " has no picture"));
    case SampleTruth::kHtml:
      return std::string(
          "<!DOCTYPE html><html><head><title>Moved</title></head><body>This picture has moved.</body></html>\n");
    case SampleTruth::kEmpty:
      return std::string();
    default:
      break;
  }
  ASSIGN_OR_RETURN(Pixels pixels, RenderSvg(DrawProduct(product.shown, options.size)));
  if (product.truth == SampleTruth::kOverlay) {
    ASSIGN_OR_RETURN(const OverlayPatch patch, RenderOverlay(product.overlay));
    Blend(pixels, patch, product.overlay.x, product.overlay.y, product.overlay.opacity);
  }
  ASSIGN_OR_RETURN(std::string jpeg, EncodeImage(pixels, "image/jpeg", 88));
  if (product.truth == SampleTruth::kTruncated) jpeg.resize(jpeg.size() / 2);
  return jpeg;
}

}  // namespace mannequin
