// Curves of trainings, recorded as tests/data/curves/README.md says.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

inline double CurveNumber(const std::string& word) { return std::stod(word); }  // reads "nan" and "inf", too

// Empty when there is no such file.
inline std::vector<v1::TrainingPoint> ReadCurve(const std::string& path) {
  std::vector<v1::TrainingPoint> points;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::vector<double> n;
    for (std::string word; words >> word;) n.push_back(CurveNumber(word));
    if (n.size() != 8) continue;
    v1::TrainingPoint& point = points.emplace_back();
    point.set_step(static_cast<std::int64_t>(n[0]));
    point.set_loss_generator(n[1]);
    point.set_loss_discriminator(n[2]);
    point.set_accuracy_real(n[3]);
    point.set_accuracy_generated(n[4]);
    point.set_gradient_norm_generator(n[5]);
    point.set_gradient_norm_discriminator(n[6]);
    point.set_diversity(n[7]);
  }
  return points;
}

}  // namespace mannequin
