// The figures of v1::Quality by name: one list for tables, the gate and the model card.
#pragma once

#include <string>
#include <vector>

#include "mannequin/v1/bundle.pb.h"

namespace mannequin {

struct QualityFigure {
  const char* name;     // "Fréchet distance"
  const char* meaning;  // in plain words
  double (v1::Quality::*value)() const;
  // The same of real images, where that says what can be reached; or null.
  double (v1::Quality::*real)() const;
  // The gate: how much worse a candidate may be; 0: the gate does not look at it.
  double tolerance;
  bool relative;  // the tolerance is a share of the current figure
  bool higher_better;
};

const std::vector<QualityFigure>& QualityFigures();

// "0.812", "12.4": three digits that count.
std::string FigureText(double value);

}  // namespace mannequin
