// LOW_QUALITY by rule: is the picture blurred, tiny, over-compressed, cut off or a collage?
//
//   AddLowQuality(opinion, JudgeQuality(measures));
//
// Each defect has a probability of its own: a logistic of its measure, fitted on a catalogue's photos as they were and
// degraded by known amounts (README.md says how). Above kQualityReview a person should look. A defect never makes
// ABUSE: a bad photo is a nuisance, and a seller can be told how to mend it. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "common/image/picture_measures.h"
#include "services/scorer/judge.h"

namespace mannequin {

// Changes with whatever rule may change a verdict: of this file, of the policies' evaluation, of PLACEHOLDER.
inline constexpr char kRulesVersion[] = "rules-1";

// Probability above which a defect makes REVIEW.
inline constexpr double kQualityReview = 0.5;

// A picture whose longer side is shorter shows nothing that could be judged: half of the 100 pixels that are the least
// that any marketplace takes. What each asks for is its policy's to say: a catalogue of thumbnails is not to drown in
// REVIEW.
inline constexpr int kTinySide = 50;

enum class Defect { kBlurred, kTiny, kOverCompressed, kCutOff, kCollage };
inline constexpr int kDefects = 5;
// "blurred", "tiny", "over_compressed", "cut_off", "collage".
const char* DefectName(Defect defect);

struct QualityFinding {
  Defect defect = Defect::kBlurred;
  double probability = 0;  // 0 to 1
  std::string detail;      // for a person: "blurred: edges are 4.6 pixels wide"
};

// One of each defect, in the order of Defect. What cannot be measured (the blur of a picture without edges) has the
// probability 0.
std::vector<QualityFinding> JudgeQuality(const PictureMeasures& measures);

// Adds LOW_QUALITY with the greatest of the probabilities; `detail` names every defect above kQualityReview, which
// makes a CLEAN or NOT_SCORED opinion REVIEW.
void AddLowQuality(Opinion& opinion, const std::vector<QualityFinding>& findings);

}  // namespace mannequin
