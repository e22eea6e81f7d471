// The bundle that the embedder works with just now.
#pragma once

#include <memory>
#include <string>

#include "common/text/text_encoder.h"

namespace mannequin {

struct EmbeddingBundle {
  std::string version;
  std::string embedding_version;  // of the bundle that trained the embedding
  std::shared_ptr<const TextEncoder> encoder;
};

}  // namespace mannequin
