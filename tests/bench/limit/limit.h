// The physical limit that a figure of the networks is held against: how many operations
// they need, and how many these cores do in their best case, a large matrix product.
#pragma once

#include "common/nn/shape.h"

namespace mannequin {

// In the type that trainings use (bfloat16 where the cores are fast at it), on all cores,
// 10^9 operations a second; a product and a sum are two.
double MatrixGflops();

// Of one image, 10^9 operations; convolutions and linear layers alone.
double DiscriminatorGflop(const GanShape& shape);  // forward
// A training step (tacgan_step.cc, mannequin_step.cc) a real image: forward, both gradients
// of D on real and generated, G's, and D's gradient to G's image alone.
double TrainingGflop(const GanShape& shape);

}  // namespace mannequin
