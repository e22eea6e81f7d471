// UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace mannequin {

// Bytes of the character that begins at `at`, which is within the text; 0 when none does.
size_t Utf8Length(absl::string_view text, size_t at);

// Position of the first byte that begins no whole character; `text.size()` when all is well.
size_t FindInvalidUtf8(absl::string_view text);

// Writes `code_point` (at most U+10FFFF and no surrogate); returns the end, at most 4 bytes on.
char* AppendUtf8(uint32_t code_point, char* out);

}  // namespace mannequin
