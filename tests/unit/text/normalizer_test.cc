#include "common/text/normalizer.h"

#include <random>

#include "common/base/utf8.h"
#include "common/text/utf8.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::string Normalized(const std::string& text) {
  const auto words = Normalize(text);
  return words.ok() ? *words : std::string("error");
}

TEST(Normalizer, MakesWordsOfListings) {
  EXPECT_EQ(Normalized("Levi&#39;s&reg; MEN  Jeans, jeans"), "levi men jeans");
  EXPECT_EQ(Normalized("Bose&amp;amp;Co &quot;S23C550H&quot;"), "bose co s23c550h");
  EXPECT_EQ(Normalized("Nike™ AIR\tMax®"), "nike air max");
  EXPECT_EQ(Normalized("ＦＵＬＬ ｗｉｄｔｈ，Straße"), "full width strasse");
  EXPECT_EQ(Normalized("Caf&eacute; &#xe9;t&eacute; — “bleu”"), "café été bleu");
  EXPECT_EQ(Normalized("a & b &nosuch; &#; &#xD800; &"), "a b nosuch xd800");
  EXPECT_EQ(Normalized(" .,;-_ "), "");
  EXPECT_EQ(Normalized(""), "");
}

TEST(Normalizer, HtmlTagsGoAndComparisonsStay) {
  EXPECT_EQ(Normalized("<b>Red</b> shoe<br/>size<BR>40"), "red shoe size 40");
  EXPECT_EQ(Normalized("&lt;p class=&quot;x&quot;&gt;Lamp&lt;/p&gt;"), "lamp");
  EXPECT_EQ(Normalized("<a href='http://x.y/z'>Lamp</a><!-- a > b -->"), "lamp");
  EXPECT_EQ(Normalized("a < b"), "a b");
  EXPECT_EQ(Normalized("size<40 and >30"), "size 40 and 30");
  EXPECT_EQ(Normalized("width <blade> 3"), "width blade 3");
  EXPECT_EQ(Normalized("<b Red <b>Lamp</b>"), "b red lamp");
  EXPECT_EQ(Normalized("<b"), "b");
  EXPECT_EQ(Normalized("<!-- open"), "open");
  EXPECT_EQ(Normalized("모자<br>신발"), "모자 신발");
}

TEST(Normalizer, RepeatedWordsAndPairsGo) {
  EXPECT_EQ(Normalized("red red red shoe red"), "red shoe red");
  EXPECT_EQ(Normalized("red shirt red shirt"), "red shirt");
  EXPECT_EQ(Normalized("red shirt red shirt RED Shirt, red hat"), "red shirt red hat");
  EXPECT_EQ(Normalized("a b a b b a b"), "a b");
  EXPECT_EQ(Normalized("red shirt blue shirt red shirt"), "red shirt blue shirt red shirt");
}

TEST(Normalizer, ApostrophesLeaveOneWord) {
  EXPECT_EQ(Normalized("Men's women’s GIRL'S boy`s kidʼs"), "men women girl boy kid");
  EXPECT_EQ(Normalized("O'Neill d‘lites Rock'n'Roll"), "oneill dlites rocknroll");
  EXPECT_EQ(Normalized("80's kids' 'n' 5'10"), "80s kids n 5 10");
  EXPECT_EQ(Normalized("men's운동화 men's-wear"), "men 운동화 men wear");
  EXPECT_EQ(Normalized("it's's ''s"), "it s");
  EXPECT_EQ(Normalized("été's L'Oréal"), "été loréal");
}

TEST(Normalizer, NumbersStayWhole) {
  EXPECT_EQ(Normalized("5.5 oz v1.2.3 1,000ml 1,234,567 38,39,40"), "5.5 oz v1.2.3 1000ml 1234567 38 39 40");
  EXPECT_EQ(Normalized("32GB 10x20cm 10×20 cm 10 × 20"), "32gb 10x20cm 10x20 cm 10 20");
  EXPECT_EQ(Normalized("5. .7 a.b 3.개 ５．５"), "5 7 a b 3 개 5.5");
  EXPECT_EQ(Normalized("1,0000 1,00"), "1 0000 1 00");
}

TEST(Normalizer, WordsAreOfOneScript) {
  EXPECT_EQ(Normalized("Nike운동화"), "nike 운동화");
  EXPECT_EQ(Normalized("S23C550H모니터"), "s23c550h 모니터");
  EXPECT_EQ(Normalized("운동화3개"), "운동화 3 개");
  EXPECT_EQ(Normalized("メンズ革靴25cm"), "メンズ革靴 25cm");
  EXPECT_EQ(Normalized("大한민국"), "大 한민국");
  EXPECT_EQ(Normalized("รองเท้าNike"), "รองเท้า nike");
  EXPECT_EQ(Normalized("Кроссовки42 αβγdelta"), "кроссовки42 αβγdelta");
  EXPECT_EQ(Normalized("shoe😀😀👟"), "shoe 😀 👟");
}

TEST(Normalizer, KnowsScriptsWithoutBlanks) {
  for (const char* word : {"革靴", "メンズ", "ひらがな", "รองเท้า", "ເກີບ", "ស្បែកជើង", "ဖိနပ်", "𠮷野家"}) {
    EXPECT_TRUE(IsUnspacedScript(word)) << word;
  }
  for (const char* word : {"", "shoe", "5.5", "운동화", "обувь", "حذاء", "जूता", "😀", "é"}) {
    EXPECT_FALSE(IsUnspacedScript(word)) << word;
  }
}

// Each pair shall give the same words.
TEST(Normalizer, FormsOfOneTextAgree) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"},  // jamo
      {"가", "ㄱㅏ"},                                                  // compatibility jamo
      {"가", "\uffa1\uffc2"},                                          // half-width jamo
      {"ガ", "\uff76\uff9e"},                                          // half-width Kana
      {"ガ", "カ\u3099"},
      {"Ｎｉｋｅ　１２", "nike 12"},
      {"ﬁne oﬃce", "fine office"},
      {"Caf\u0065\u0301", "CAFÉ"},
      {"A\u030angstro\u0308m", "ångström"},
      {"ΣΊΣΥΦΟΣ", "σίσυφος"},
      {"ẞtraße", "sstrasse"},
  };
  for (const auto& [a, b] : pairs) EXPECT_EQ(Normalized(a), Normalized(b)) << a;
}

TEST(Normalizer, InvisibleCharactersGo) {
  EXPECT_EQ(Normalized("com\u00adpact"), "compact");                  // soft hyphen
  EXPECT_EQ(Normalized("\ufeffshoe sho\ufeffe"), "shoe");             // byte order mark
  EXPECT_EQ(Normalized("sh\u200doe sho\u2060e s\u200choe"), "shoe");  // joiners
  EXPECT_EQ(Normalized("\u200fחולצה\u200e \u202ashoe\u202c"), "חולצה shoe");
  EXPECT_EQ(Normalized("red\u200bshoe"), "red shoe");  // stands between words
  EXPECT_EQ(Normalized("\u3164shoe\u115f"), "shoe");   // Hangul fillers
  EXPECT_EQ(Normalized("é\x01à \x7f"), "é à");
  EXPECT_EQ(Normalized("می\u200cخواهم"), "میخواهم");
  EXPECT_EQ(Normalized("葛\U000e0100"), "葛");
  EXPECT_EQ(Normalized("´shoe¨ \u0301"), "shoe");  // accents of nothing
}

TEST(Normalizer, EmojiAreWords) {
  EXPECT_EQ(Normalized("👨\u200d👩\u200d👧"), "👨 👩 👧");
  EXPECT_EQ(Normalized("👍🏽 👍"), "👍");
  EXPECT_EQ(Normalized("1\ufe0f\u20e3"), "1");
  EXPECT_EQ(Normalized("🇰🇷"), "🇰🇷");
  EXPECT_EQ(Normalized("★★HOT★★ → ❤\ufe0f 5€ ₩500"), "hot 5 500");
}

TEST(Normalizer, RefusesWhatIsNotUtf8AndWhatIsTooLong) {
  for (const std::string text : {"a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ab\xe2\x82"}) {
    EXPECT_EQ(Normalize(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(Normalize(std::string(kMaxTextBytes, 'a')).ok());
  EXPECT_EQ(Normalize(std::string(kMaxTextBytes + 1, 'a')).status().code(), absl::StatusCode::kInvalidArgument);
  // One character that is eighteen.
  std::string ligatures;
  while (ligatures.size() + 3 <= kMaxTextBytes) ligatures += "\uFDFA";
  EXPECT_EQ(Normalize(ligatures).status().code(), absl::StatusCode::kInvalidArgument);
}

// Letters, marks, signs and markup from where they meet each other.
std::string RandomText(std::mt19937& random) {
  static constexpr const char* kWords[] = {"&amp;", "&#39;", "<b>", "</p>", "<!--", "-->", "'s", "’", "1,000",
                                           "5.5",   "×",     " ",   "red",  "가",   "ß",   "™",  ".", "´"};
  static constexpr std::int32_t kBlocks[] = {0x20,   0x60,   0xA0,   0x100,  0x2B0,  0x300,   0x370,   0x400,  0x590,
                                             0x600,  0x900,  0xE00,  0xE80,  0x1000, 0x1100,  0x1780,  0x1E00, 0x1F00,
                                             0x2000, 0x20D0, 0x2100, 0x2600, 0x3000, 0x3040,  0x3099,  0x3130, 0x4E00,
                                             0xAC00, 0xFB00, 0xFDF0, 0xFE00, 0xFF00, 0x1F300, 0x1F3F0, 0xE0100};
  std::string text;
  for (unsigned length = random() % 12; length > 0; --length) {
    if (random() % 3 == 0) {
      text += kWords[random() % std::size(kWords)];
    } else if (random() % 20 == 0) {
      const auto code = static_cast<std::int32_t>(random() % 0x110000);
      if (code < 0xD800 || code > 0xDFFF) AppendCodePoint(code, text);
    } else {
      AppendCodePoint(kBlocks[random() % std::size(kBlocks)] + static_cast<std::int32_t>(random() % 64), text);
    }
  }
  return text;
}

TEST(Normalizer, LeavesItsOwnAnswersAsTheyAre) {
  std::mt19937 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = RandomText(random);
    const auto words = Normalize(text);
    ASSERT_TRUE(words.ok()) << words.status();
    ASSERT_EQ(FindInvalidUtf8(*words), words->size()) << testing::PrintToString(text);
    ASSERT_EQ(Normalized(*words), *words) << testing::PrintToString(text);
    ASSERT_EQ(words->find("  "), std::string::npos);
  }
}

// What needs no folding is not folded: the same words must come out beside what does.
TEST(Normalizer, FoldingChangesNothingOfWhatIsFolded) {
  std::mt19937 random(8);
  for (std::int32_t code = 0x80; code < 0x20000; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string text = "z";
    AppendCodePoint(code, text);
    AppendCodePoint(0xAC00 + static_cast<std::int32_t>(random() % 11'000), text);
    AppendCodePoint(code, text);
    ASSERT_EQ(Normalized(text + " ﬁ9x"), Normalized(text) + " fi9x") << code;
  }
}

TEST(Normalizer, EveryCharacterIsOneOrMoreWordsOrNone) {
  for (std::int32_t code = 0; code < 0x110000; code += code < 0x20000 ? 1 : 97) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string text = "a";
    AppendCodePoint(code, text);
    text += "b";
    const auto words = Normalize(text);
    ASSERT_TRUE(words.ok()) << code;
    ASSERT_EQ(Normalized(*words), *words) << code;
  }
}

// Quadratic work on any of these would take minutes.
TEST(Normalizer, LongTextsOfTheWorstKindEnd) {
  for (const std::string part :
       {"<",  "<b", "<!--",  "<b ",          "&",  "&amp;", "&#",      "a ", "a b ",   "1,",  "1,000", "1.", "'", "a'",
        "'s", "́",   "가나 ", "\u1112\u1161", "ａ", "×1",    "a\u0301", "😀",  "\u200d", "<b>", "ﷺ "}) {
    std::string text;
    while (text.size() + part.size() <= kMaxTextBytes) text += part;
    for (int i = 0; i < 10; ++i) (void)Normalize(text);
  }
  const std::string half(kMaxTextBytes / 2 - 1, 'a');
  EXPECT_EQ(Normalized(half + " " + half), half);
}

}  // namespace
}  // namespace mannequin
