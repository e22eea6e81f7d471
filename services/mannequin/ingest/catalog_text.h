// Cleans texts that were taken from web pages: HTML entities, markup, white space.
//
//   CleanLine("Levi&#39;s\n      501", title);            // "Levi's 501"
//   AppendParagraph("<p>Soft.</p><p>Warm.</p>", text);    // "Soft.\nWarm."
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

// Replaces `out` with `text`: entities decoded once, each run of white space one blank, none
// at the ends. Does not allocate when `out` has room.
void CleanLine(absl::string_view text, std::string* out);

// Appends `text` to `out`, a new line between them: first markup goes, then as CleanLine,
// but a run of white space with a line break in it becomes one line break. Markup is what is
// certainly that: comments, and tags of names that descriptions use ("<br/>", "</li>", "<a
// href=...>"); "a < b" and "<3" stay. `<script>` and `<style>` go with what they enclose.
// What would make `out` longer than `max_bytes` is left out, at a character's end.
void AppendParagraph(absl::string_view text, size_t max_bytes, std::string* out);

// Whether `text` holds markup in the sense of AppendParagraph.
bool HasMarkup(absl::string_view text);

// A price without its currency sign: "$1,299.00" is "1299.00", "$5.99 - $20" is
// "5.99 - 20". Empty when `text` is nothing of that kind: pages' code stands there at times.
std::string PriceOf(absl::string_view text);

}  // namespace mannequin
