// torch/torch.h costs 25 s a translation unit; compiled once here, it costs none.
#pragma once

#include "torch/torch.h"
