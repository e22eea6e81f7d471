#include "services/scorer/picture_index.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "gtest/gtest.h"
#include "services/scorer/sight.h"

namespace mannequin {
namespace {

std::string RandomVector(Random& random) {
  std::vector<float> place(128);
  float squares = 0;
  for (float& component : place) {
    component = random.Centred();
    squares += component * component;
  }
  for (float& component : place) component /= std::sqrt(squares);
  return PictureVector(place);
}

double Cosine(const std::string& a, const std::string& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<signed char>(a[i]), y = static_cast<signed char>(b[i]);
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / std::sqrt(aa * bb);
}

// "b 1.00, a 0.71".
std::string Render(const std::vector<PictureNeighbour>& found) {
  std::string text;
  for (const PictureNeighbour& near : found) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", near.product_id, " ", std::round(100 * near.similarity) / 100);
  }
  return text;
}

TEST(PictureIndex, TheNearestComeFirstWithTheirCosine) {
  PictureIndex index("b-1");
  EXPECT_TRUE(index.Add("east", PictureVector({1, 0})));
  EXPECT_TRUE(index.Add("north", PictureVector({0, 1})));
  EXPECT_TRUE(index.Add("west", PictureVector({-1, 0})));
  EXPECT_TRUE(index.Add("northeast", PictureVector({0.7071F, 0.7071F})));
  EXPECT_EQ(index.bundle_version(), "b-1");
  EXPECT_EQ(index.size(), 4U);
  EXPECT_EQ(Render(index.Search(PictureVector({1, 0}), 3, "")), "east 1, northeast 0.71, north 0");
  EXPECT_EQ(Render(index.Search(PictureVector({0, 1}), 9, "")), "north 1, northeast 0.71, east 0, west 0");
}

TEST(PictureIndex, AProductIsNotItsOwnNeighbour) {
  PictureIndex index("b-1");
  index.Add("a", PictureVector({1, 0}));
  index.Add("b", PictureVector({0.6F, 0.8F}));
  EXPECT_EQ(Render(index.Search(PictureVector({1, 0}), 1, "a")), "b 0.6");
}

TEST(PictureIndex, FindsExactlyWhatComparingEachOneFinds) {
  Random random(7);
  PictureIndex index("b-1");
  std::vector<std::string> vectors;
  for (int i = 0; i < 3000; ++i) {
    vectors.push_back(RandomVector(random));
    ASSERT_TRUE(index.Add(absl::StrCat(i), vectors.back()));
  }
  for (int query = 0; query < 20; ++query) {
    const std::string asked = RandomVector(random);
    std::vector<double> all;
    all.reserve(vectors.size());
    for (const std::string& vector : vectors) all.push_back(Cosine(asked, vector));
    std::sort(all.rbegin(), all.rend());
    const std::vector<PictureNeighbour> found = index.Search(asked, 20, "");
    ASSERT_EQ(found.size(), 20U);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i].similarity, all[i], 1e-6);
      EXPECT_NEAR(Cosine(asked, vectors[static_cast<std::size_t>(std::stoi(found[i].product_id))]), all[i], 1e-6);
    }
  }
}

TEST(PictureIndex, BeyondItsBoundItKeepsTheSameOnesInWhateverOrderTheyCome) {
  Random random(3);
  std::vector<std::pair<std::string, std::string>> products;
  for (int i = 0; i < 500; ++i) products.emplace_back(absl::StrCat("p", i), RandomVector(random));
  const std::string asked = RandomVector(random);
  const auto kept = [&](auto begin, auto end) {
    PictureIndex index("b-1", 50);
    for (; begin != end; ++begin) EXPECT_TRUE(index.Add(begin->first, begin->second));
    EXPECT_EQ(index.size(), 50U);
    return Render(index.Search(asked, 100, ""));
  };
  const std::string forwards = kept(products.begin(), products.end());
  EXPECT_EQ(forwards, kept(products.rbegin(), products.rend()));
  EXPECT_EQ(std::count(forwards.begin(), forwards.end(), 'p'), 50);
}

TEST(PictureIndex, RefusesWhatHasNoDirectionOrAnotherLength) {
  PictureIndex index("b-1");
  EXPECT_FALSE(index.Add("a", ""));
  EXPECT_FALSE(index.Add("a", PictureVector({0, 0})));
  EXPECT_TRUE(index.Add("a", PictureVector({1, 0})));
  EXPECT_FALSE(index.Add("b", PictureVector({1, 0, 0})));
  EXPECT_EQ(index.size(), 1U);
  EXPECT_TRUE(index.Search(PictureVector({1, 0, 0}), 5, "").empty());
  EXPECT_TRUE(index.Search(PictureVector({0, 0}), 5, "").empty());
  EXPECT_TRUE(PictureIndex("b-1").Search(PictureVector({1, 0}), 5, "").empty());
}

}  // namespace
}  // namespace mannequin
