// generate --from, --sheet and one listing as a person meets them.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/image/generated_mark.h"
#include "common/image/image.h"
#include "common/model/bundle.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/generation_report.h"
#include "tests/integration/command_suite.h"
#include "tests/integration/pseudo_terminal.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class GenerateCommand : public CommandSuite {
 protected:
  void Serve(const RandomBundleOptions& options = {}) {
    std::filesystem::create_directories(folder_ + "/data/bundles");
    bundle_ = PromoteRandomBundle(BundleFolder(folder_ + "/data/bundles"), options).version();
    CommandSuite::Serve();
  }
  Ended Generate(std::vector<std::string> words) const {
    words.insert(words.begin(), "generate");
    return Run(words);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/" + name, text).ok());
    return folder_ + "/" + name;
  }
  static std::string Line(const std::string& id, const std::string& category = "Shirts") {
    return nlohmann::json{{"id", id}, {"title", "Acme blue shirt"}, {"category_path", {category}}}.dump() + "\n";
  }
  // By id; lines without one under "".
  std::map<std::string, nlohmann::json> Report() const {
    std::map<std::string, nlohmann::json> lines;
    const std::string text = ReadFile(out_ + "/report.jsonl").value();
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      const nlohmann::json parsed = nlohmann::json::parse(line);
      const std::string id = parsed.value("id", "");
      EXPECT_EQ(lines.count(id), 0u) << "twice: " << line;
      lines[id] = parsed;
    }
    return lines;
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(out_)) names.push_back(entry.path().filename());
    return names;
  }

  const std::string out_ = folder_ + "/pictures";
  std::string bundle_;
};

TEST(SafeFileName, NeverLeavesTheFolderAndNeverMeetsAnother) {
  EXPECT_EQ(SafeFileName("B00X-1_a.b"), "B00X-1_a.b");
  EXPECT_EQ(SafeFileName("../../etc/passwd"), "%2E.%2F..%2Fetc%2Fpasswd");
  EXPECT_EQ(SafeFileName("."), "%2E");
  EXPECT_EQ(SafeFileName("a/b"), "a%2Fb");
  EXPECT_EQ(SafeFileName("a%2Fb"), "a%252Fb");
  EXPECT_EQ(SafeFileName("양말"), "%EC%96%91%EB%A7%90");
  const std::string long_id(128, '/');
  EXPECT_LE(SafeFileName(long_id).size(), 200u);
  EXPECT_NE(SafeFileName(long_id), SafeFileName(std::string(127, '/') + "?"));
}

TEST_F(GenerateCommand, DrawsEachListingOfAFileOnceAndGoesOn) {
  Serve();
  const std::string odd = "a/../b 양말";
  std::string lines = Line("p1") + "{\"id\": broken\n" + Line("boat", "Boats") + Line("p1") + Line(odd);
  lines += nlohmann::json{{"id", "nameless"}, {"title", "Acme shirt"}}.dump() + "\n";
  for (int i = 0; i < 40; ++i) lines += Line(absl::StrCat("q", i), i % 2 == 0 ? "Watches" : "Boots");
  const std::string file = Write("listings.jsonl", lines);

  Ended ended = Generate({"--from", file, "--out", out_, "--seed", "3"});
  EXPECT_EQ(ended.status, kFailed) << ended.errors;  // nameless was refused
  EXPECT_THAT(ended.errors, HasSubstr("1 listing failed"));
  std::map<std::string, nlohmann::json> report = Report();
  ASSERT_EQ(report.size(), 45u);
  EXPECT_EQ(report["p1"]["file"], "p1.png");
  EXPECT_EQ(report["p1"]["bundle_version"], bundle_);
  EXPECT_GT(report["p1"]["confidence"], 0);
  EXPECT_EQ(report[odd]["file"], SafeFileName(odd) + ".png");
  EXPECT_THAT(report["boat"]["no_image_reason"], HasSubstr("Boats"));
  EXPECT_THAT(report["nameless"]["error"], HasSubstr("product.category_path"));
  EXPECT_EQ(report[""]["line"], 2);
  EXPECT_EQ(Files().size(), 43u);  // 42 pictures and the report
  const std::string picture = ReadFile(out_ + "/p1.png").value();
  EXPECT_TRUE(HasGeneratedMark(picture));

  // The same again does nothing but try the error; what is lost is drawn anew, to the byte.
  std::filesystem::remove(out_ + "/p1.png");
  ended = Generate({"--from", file, "--out", out_, "--seed", "3"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("drawn       1\n"), HasSubstr("done before 42"), HasSubstr("duplicates  1")));
  EXPECT_EQ(Report().size(), 45u);
  EXPECT_EQ(ReadFile(out_ + "/p1.png").value(), picture);
  ended = Generate({"--from", file, "--out", out_, "--seed", "3", "--overwrite", "--category-card"});
  EXPECT_THAT(ended.output, HasSubstr("drawn       42\n"));
  EXPECT_EQ(Report()["boat"]["card"], "boat.png");

  // A line cut short by a crash is no line.
  Write("pictures/report.jsonl", ReadFile(out_ + "/report.jsonl").value() + "{\"id\": \"p2\", \"fi");
  Generate({"--from", file, "--out", out_});
  EXPECT_EQ(Report().size(), 45u);
}

TEST_F(GenerateCommand, ReadsAPipeAndStopsAtABadLineWhenStrict) {
  Serve();
  const std::string file = Write("listings.jsonl", Line("p1") + Line("p2"));
  Process process({"/bin/sh", "-c",
                   absl::StrCat("gzip -c ", file, " | ", Binary("mannequin"), " --server ", address_,
                                " --output json generate --from - --out ", out_)},
                  folder_);
  ASSERT_EQ(process.Wait(), 0) << process.errors();
  EXPECT_EQ(nlohmann::json::parse(process.output())["drawn"], 2);

  const Ended ended =
      Generate({"--from", Write("bad.jsonl", Line("p3") + "nonsense\n" + Line("p4")), "--strict", "--out", out_});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("bad.jsonl:2"));
  EXPECT_EQ(Report().count("p3"), 1u);
  EXPECT_EQ(Report().count("p4"), 0u);
}

TEST_F(GenerateCommand, EndsWellAtAnInterruptAndGoesOnAfterIt) {
  Serve();
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += Line(absl::StrCat("p", i));
  const std::string file = Write("listings.jsonl", lines);
  {
    Process process(Command({"generate", "--from", file, "--out", out_, "--window", "2"}), folder_);
    const absl::Time limit = absl::Now() + absl::Seconds(60);
    while (!std::filesystem::exists(out_ + "/p5.png") && absl::Now() < limit) usleep(1000);
    process.Signal(SIGINT);
    EXPECT_EQ(process.Wait(), kFailed);
    EXPECT_THAT(process.errors(), HasSubstr("goes on from there"));
  }
  const std::map<std::string, nlohmann::json> report = Report();
  EXPECT_GT(report.size(), 5u);
  EXPECT_LT(report.size(), 5000u);
  for (const auto& [id, line] : report) EXPECT_TRUE(std::filesystem::exists(absl::StrCat(out_, "/", id, ".png"))) << id;
  // No picture without its line, but for those whose call the signal met.
  EXPECT_LE(Files().size(), report.size() + 1);
}

TEST_F(GenerateCommand, AServerThatIsGoneEndsTheRunWithWords) {
  const std::string file = Write("listings.jsonl", Line("p1") + Line("p2"));
  address_ = absl::StrCat("127.0.0.1:", FreePort());
  const Ended ended = Generate({"--from", file, "--out", out_});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("mannequin up"));
  EXPECT_TRUE(Report().empty());
}

TEST_F(GenerateCommand, SaysWhatIsWrongWithFilesAndFolders) {
  Serve();
  Ended ended = Generate({"--from", Write("empty.jsonl", ""), "--out", out_});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("empty.jsonl"));
  ended = Generate({"--from", folder_ + "/nothing.jsonl", "--out", out_});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("nothing.jsonl"));
  const std::string file = Write("listings.jsonl", Line("p1"));
  ended = Generate({"--from", file, "--out", file + "/below"});  // a file is no folder, for root too
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("below"));
  ended = Generate({"--from", file, "--out", out_, "--bundle", "b-nothing"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("b-nothing"));
  // A full disk: the report is a device that takes nothing.
  std::filesystem::create_directories(folder_ + "/full");
  std::filesystem::create_symlink("/dev/full", folder_ + "/full/report.jsonl");
  ended = Generate({"--from", file, "--out", folder_ + "/full", "--overwrite"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("report.jsonl"), HasSubstr("No space left")));
}

TEST_F(GenerateCommand, DrawsSheetsOfWordsAndNoise) {
  Serve();
  const std::string sheet = folder_ + "/sheet.png";
  Ended ended = Generate({"--sheet", sheet, "--category", "Shirts", "--title", "acme shirt", "--vary",
                          "color=red,blue,black", "--vary", "category=Shirts|Boots", "--noises", "3"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("6 rows of words, 3 columns of noise"));
  const Pixels six = DecodeImage(ReadFile(sheet).value()).value();
  ended = Generate({"--sheet", sheet, "--category", "Shirts", "--interpolate", "red shirt", "blue cotton shirt",
                    "--steps", "4", "--noises", "3"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const Pixels four = DecodeImage(ReadFile(sheet).value()).value();
  EXPECT_EQ(four.width, six.width);
  EXPECT_LT(four.height, six.height);
  ended = Generate({"--sheet", sheet, "--vary", "category=Shirts,Boats", "--noises", "1"});
  EXPECT_EQ(ended.status, 0) << ended.errors;  // a grey tile says why
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--vary", "red,blue"}, {"--vary", "color="}, {"--vary", "color=a,,b"}}) {
    ended = Generate({"--sheet", sheet, "--category", "Shirts", words[0], words[1]});
    EXPECT_EQ(ended.status, kFailed) << words[1];
    EXPECT_THAT(ended.errors, HasSubstr("--vary")) << words[1];
  }
}

TEST_F(GenerateCommand, DrawsOneListingOrACard) {
  Serve();
  Ended ended = Generate({"--category", "Shirts", "--size", "300", "--format", "jpeg", "--quality", "80", "-n", "2",
                          "--out", out_, "--bundle", bundle_});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(Files().size(), 2u);
  ended = Generate({"--category", "Boats", "--title", "boat", "--out", out_});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("no confident image"));
  ended = Generate({"--category", "Boats", "--title", "boat", "--out", out_, "--category-card", "--language", "ko"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("no confident image"), HasSubstr("category-card.png")));
  EXPECT_EQ(GeneratedSourceTypeOf(ReadFile(out_ + "/category-card.png").value()), kProgramSourceType);

  ended = Generate({"--title", "Red shirt"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("category"));
  ended = Generate({"--category", "Shirts", "--title", std::string(100'000, 'a')});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("4096"));
}

TEST_F(GenerateCommand, ShowsItsPicturesWhereTheTerminalCan) {
  Serve();
  const auto in_terminal = [&](const std::string& answer, std::vector<std::string> variables) {
    variables.insert(variables.end(), {"TMUX=", "TERM_PROGRAM=", "KITTY_WINDOW_ID="});
    if (answer == "kitty") variables.back() = "KITTY_WINDOW_ID=1";
    PseudoTerminal terminal(
        Program(Command({"generate", "--category", "Shirts", "-n", "2", "--out", out_}), variables));
    if (answer != "kitty") {
      terminal.ReadUntil("\033[c");
      terminal.Write(answer);
    }
    EXPECT_EQ(terminal.Wait(), 0) << terminal.output();
    EXPECT_THAT(terminal.output(), HasSubstr("confidence"));
    return terminal.output();
  };
  EXPECT_THAT(in_terminal("\033[?62;4;22c", {"TERM=xterm-256color"}), AllOf(HasSubstr("\033P"), HasSubstr("\033\\")));
  EXPECT_THAT(in_terminal("\033[?62;22c", {"TERM=xterm-256color"}), Not(HasSubstr("\033P")));
  EXPECT_THAT(in_terminal("", {"TERM=xterm-256color"}), Not(HasSubstr("\033P")));  // says nothing at all
  EXPECT_THAT(in_terminal("kitty", {"TERM=xterm-256color"}), HasSubstr("\033_Ga=T,f=100"));
  EXPECT_GE(Files().size(), 2u);

  // Into a pipe nothing but words, unless it was asked for.
  EXPECT_THAT(Generate({"--category", "Shirts", "--out", out_}).output, Not(HasSubstr("\033")));
  EXPECT_THAT(Generate({"--category", "Shirts", "--out", out_, "--show", "sixel"}).output, HasSubstr("\033P"));
  EXPECT_EQ(Run({"--output", "json", "generate", "--category", "Shirts", "--show", "kitty"}).status, kUsage);
}

TEST_F(GenerateCommand, RefusesOptionsOutOfRangeOrApart) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--size", "5000"},
                                             {"--size", "15"},
                                             {"--quality", "101"},
                                             {"-n", "65"},
                                             {"-n", "0"},
                                             {"--format", "gif"},
                                             {"--language", "xx"},
                                             {"--candidates", "65"},
                                             {"--title", "shirt \xff\xfe"},
                                             {"--vary", "color=red"},
                                             {"--strict", "--overwrite"},
                                             {"--from", "x", "--title", "y"},
                                             {"--from", "x", "--sheet", "y.png"},
                                             {"--sheet", "x.png", "--steps", "3"},
                                             {"--sheet", "x.png", "--interpolate", "only one"},
                                             {"--sheet", "x.png", "--vary", "color=red", "--interpolate", "a", "b"}}) {
    EXPECT_EQ(Generate(words).status, kUsage) << words[0] << " " << words[1];
  }
}

}  // namespace
}  // namespace mannequin
