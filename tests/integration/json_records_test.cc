// `--output json` is what services/mannequin/README.md says: no field that is not there, none missing, no command
// without its section.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/command_line.h"
#include "services/mannequin/command_tree.h"
#include "tests/integration/command_suite.h"

namespace mannequin {
namespace {

// What a section says of its records.
struct Section {
  std::string message;                 // full name; "" without
  std::map<std::string, bool> fields;  // always there?
  bool as_score = false;
};

// `TEXT` between the first two back-ticks after `at`; "" without.
std::string Quoted(absl::string_view line, std::size_t at = 0) {
  const std::size_t begin = line.find('`', at);
  if (begin == absl::string_view::npos) return "";
  const std::size_t end = line.find('`', begin + 1);
  return end == absl::string_view::npos ? "" : std::string(line.substr(begin + 1, end - begin - 1));
}

std::map<std::string, Section> ReadSections() {
  std::map<std::string, Section> sections;
  std::vector<std::string> open;
  const std::string page = ReadFile(COMMAND_PAGE).value();
  for (const absl::string_view line : absl::StrSplit(page.substr(page.find("## Records of")), '\n')) {
    if (absl::StartsWith(line, "### ")) {
      open.clear();
      for (const absl::string_view name : absl::StrSplit(line.substr(4), ", ")) open.push_back(Quoted(name));
      for (const std::string& name : open) sections[name];
    } else if (absl::StartsWith(line, "Message `")) {
      for (const std::string& name : open) sections[name].message = Quoted(line);
    } else if (absl::StartsWith(line, "As `score`")) {
      for (const std::string& name : open) sections[name].as_score = true;
    } else if (absl::StartsWith(line, "| `")) {
      for (const std::string& name : open) sections[name].fields[Quoted(line)] = !absl::StrContains(line, "not always");
    }
  }
  for (auto& [name, section] : sections) {
    if (section.as_score) section.fields.insert(sections["score"].fields.begin(), sections["score"].fields.end());
  }
  return sections;
}

// Names of a record's fields; those inside arrays too, "images[].path", where the section names any of that array.
std::set<std::string> FieldsOf(const nlohmann::json& record, const Section& section) {
  std::set<std::string> names;
  for (const auto& [name, value] : record.items()) {
    names.insert(name);
    const std::string inner = name + "[].";
    const bool documented = std::any_of(section.fields.begin(), section.fields.end(),
                                        [&](const auto& field) { return absl::StartsWith(field.first, inner); });
    if (!documented || !value.is_array()) continue;
    for (const nlohmann::json& element : value) {
      for (const auto& [key, unused] : element.items()) names.insert(inner + key);
    }
  }
  return names;
}

TEST(CommandPage, HasASectionForEveryCommandAndNamesMessagesThatThereAre) {
  const std::map<std::string, Section> sections = ReadSections();
  CLI::App app;
  Invocation invocation;
  AddCommands(app, invocation);
  const std::function<void(const Command&)> visit = [&](const Command& command) {
    for (const Command& sub : command.commands) visit(sub);
    const std::string path = absl::StrJoin(std::vector<std::string>(command.path.begin() + 1, command.path.end()), " ");
    // Those that only hold others do nothing by themselves.
    if (!command.commands.empty() && path != "score" && path != "crawl") return;
    EXPECT_EQ(sections.count(path), 1u) << "services/mannequin/README.md does not say what `" << path << "` prints";
  };
  visit(CommandTree(app));
  for (const auto& [name, section] : sections) {
    if (section.message.empty()) continue;
    EXPECT_NE(google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(section.message), nullptr)
        << name << ": " << section.message;
  }
}

class JsonRecords : public CommandSuite {
 protected:
  JsonRecords() { shipped_bundle_ = true; }

  // Runs the command and compares each record with the section.
  std::vector<nlohmann::json> Check(const std::string& name, std::vector<std::string> words, int status = 0) {
    words.insert(words.begin(), {"--output", "json"});
    const Ended ended = Run(words);
    EXPECT_EQ(ended.status, status) << name << ": " << ended.errors;
    std::vector<nlohmann::json> records;
    for (const absl::string_view line : absl::StrSplit(ended.output, '\n', absl::SkipEmpty())) {
      const nlohmann::json document = nlohmann::json::parse(line, nullptr, false);
      EXPECT_FALSE(document.is_discarded()) << name << ": " << line;
      if (document.is_array()) {
        for (const nlohmann::json& record : document) records.push_back(record);
      } else {
        records.push_back(document);
      }
    }
    EXPECT_FALSE(records.empty()) << name << " printed nothing";
    for (const nlohmann::json& record : records) Compare(name, record);
    return records;
  }

  void Compare(const std::string& name, const nlohmann::json& record) {
    ASSERT_EQ(sections_.count(name), 1u) << name;
    const Section& section = sections_.at(name);
    const auto* message = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(section.message);
    const std::set<std::string> printed = FieldsOf(record, section);
    for (const std::string& field : printed) {
      const bool of_message = message != nullptr && message->FindFieldByName(field) != nullptr;
      EXPECT_TRUE(of_message || section.fields.count(field) == 1)
          << name << " prints " << field << ", which is not documented";
    }
    for (const auto& [field, always] : section.fields) {
      const std::size_t inside = field.find("[].");
      const bool empty = inside != std::string::npos && record.value(field.substr(0, inside), nlohmann::json()).empty();
      if (!always || empty) continue;
      EXPECT_EQ(printed.count(field), 1u) << name << " does not print " << field << ": " << record;
    }
  }

  const std::map<std::string, Section> sections_ = ReadSections();
};

TEST_F(JsonRecords, AreWhatTheCommandsPageSays) {
  Serve();
  Compare("up", nlohmann::json::parse([&] {
            Process up({Binary("mannequin"), "--output", "json", "up", "--no-shipped-bundle", "--data",
                        folder_ + "/other", "--listen", "127.0.0.1:0", "--admin-listen", "", "--console-listen", ""},
                       folder_);
            EXPECT_TRUE(up.WaitForOutput("}", absl::Seconds(60))) << up.errors();
            return up.output();
          }()));

  std::string catalog;
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(
        &catalog,
        nlohmann::json{{"id", absl::StrCat("P", i)},
                       {"title", absl::StrCat(i % 2 == 0 ? "Blue cotton shirt " : "Black steel watch ", i % 7)},
                       {"category_path", {i % 2 == 0 ? "Shirts" : "Watches"}},
                       {"image_url", "http://127.0.0.1:1/none.jpg"}}
            .dump(),
        "\n");
  }
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/products.jsonl", catalog + "{\"id\": 3}\n").ok());
  Check("ingest", {"ingest", folder_ + "/products.jsonl"});
  Check("crawl", {"crawl"});
  Check("crawl list", {"crawl", "list"});
  Check("crawl report", {"crawl", "report"});
  Check("export", {"export", folder_ + "/exported.jsonl"});
  Check("stats", {"stats"});
  Check("backup", {"backup", folder_ + "/backups"});
  Check("restore --list", {"restore", folder_ + "/backups", "--list"});
  Check("restore", {"restore", folder_ + "/backups", "--data", folder_ + "/restored"});
  Check("migrate", {"migrate", "--abandon"});
  Check("doctor", {"doctor"});
  Check("man", {"man", "--out", folder_ + "/man"});

  Check("embed vector", {"embed", "vector", "blue cotton shirt"});
  Check("embed catalog", {"embed", "catalog"});
  Check("embed similar", {"embed", "similar", "blue cotton shirt", "--exact"});
  Check("embed map", {"embed", "map", "--out", folder_ + "/map.png", "--side", "400"});

  Check("models list", {"models", "list"});
  const std::string version = Check("models show", {"models", "show"})[0]["version"];
  Check("models show --product", {"models", "show", "--product", "P1"});
  Check("models promote", {"models", "promote", version, "--force"});
  Check("models install", {"models", "install", folder_ + "/bundles"});

  const std::vector<std::string> shirt = {"--title", "Blue cotton shirt", "--category", "Shirts"};
  const auto with = [&shirt](std::vector<std::string> words, std::vector<std::string> more) {
    words.insert(words.end(), shirt.begin(), shirt.end());
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  Check("generate", with({"generate"}, {"-n", "2", "--candidates", "8", "--category-card", "--out", folder_}));
  Check("generate", {"generate", "--title", "boat", "--category", "Boats", "--category-card", "--out", folder_});
  Check("generate --from",
        {"generate", "--from", folder_ + "/exported.jsonl", "--out", folder_ + "/drawn", "--window", "4"});
  Check("generate --sheet",
        with({"generate", "--sheet", folder_ + "/sheet.png"}, {"--vary", "color=red,blue", "--noises", "2"}));

  // A photo of its own: what the suite drew would be recognised.
  Pixels pixels{200, 200, {}};
  for (int at = 0; at < 200 * 200 * 3; ++at)
    pixels.rgb.push_back(static_cast<std::uint8_t>((at / 3 % 200 + at / 600) / 2));
  const std::string photo = folder_ + "/photo.jpg";
  ASSERT_TRUE(WriteFileAtomically(photo, EncodeImage(pixels, "image/jpeg").value()).ok());
  Check("score", with({"score", photo}, {"--policy", "amazon", "--evidence", "2"}));
  Check("score", with({"score", photo, folder_ + "/none.jpg"}, {}), kFailed);
  Check("score", {"score", photo, "--title", "Steel watch", "--category", "Watches", "--id", "P1", "--keep"});
  Check("score --replay", {"score", "--replay", "P1", "--image", photo});
  Check("score queue", {"score", "queue"});
  Check("score review", {"score", "review", "P1", "--decision", "abuse", "--reason", "mismatch", "--reviewer", "kim"});
  Check("score reviews", {"score", "reviews"});
  Check("score policies", {"score", "policies"});
  Check("score --all", {"score", "--all"});
}

}  // namespace
}  // namespace mannequin
