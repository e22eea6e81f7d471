#include "services/fetcher/robots.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

bool Allowed(absl::string_view text, absl::string_view path) {
  return Robots::Parse(text, "mannequin").Check(path).allowed;
}

// One rule for all, and whether it forbids the path.
bool Forbids(absl::string_view pattern, absl::string_view path) {
  return !Allowed(absl::StrCat("user-agent: *\ndisallow: ", pattern, "\n"), path);
}

TEST(Robots, WithoutRulesEverythingIsAllowed) {
  for (const char* text : {"", "\n\n", "# nothing\n", "User-agent: *\nDisallow:\n", "Disallow: /\n", "no colon here\n",
                           "User-agent: other\nDisallow: /\n", "Sitemap: http://a.example/s.xml\n"}) {
    EXPECT_TRUE(Allowed(text, "/a.jpg")) << text;
  }
}

// RFC 9309, 5.1.
TEST(Robots, TheRfcsSimpleExample) {
  const std::string text =
      "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n"
      "User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n"
      "User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\n\n"
      "User-Agent: quxbot\n\nEOF\n";
  struct Case {
    const char* agent;
    const char* path;
    bool allowed;
  };
  for (const Case& c : std::vector<Case>{{"foobot", "/example/page.html", true},
                                         {"foobot", "/example/allowed.gif", true},
                                         {"foobot", "/", false},
                                         {"barbot", "/example/page.html", false},
                                         {"bazbot", "/example/page.html", false},
                                         {"bazbot", "/example/other.html", true},
                                         {"quxbot", "/example/page.html", true},
                                         {"quxbot", "/a.gif", true},
                                         {"mannequin", "/a.gif", false},
                                         {"mannequin", "/a.gif?x", true},
                                         {"mannequin", "/example/", false},
                                         {"mannequin", "/publications/a.gif", true},
                                         {"mannequin", "/publications/a.png", true}}) {
    EXPECT_EQ(Robots::Parse(text, c.agent).Check(c.path).allowed, c.allowed) << c.agent << " " << c.path;
  }
}

// RFC 9309, 5.2.
TEST(Robots, TheLongestMatchWins) {
  const std::string text =
      "User-Agent: mannequin\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\nDisallow: /example\n";
  EXPECT_FALSE(Allowed(text, "/example/page/disallowed.gif"));
  EXPECT_TRUE(Allowed(text, "/example/page/a.gif"));
  EXPECT_FALSE(Allowed(text, "/example/a.gif"));
}

TEST(Robots, AllowWinsATie) {
  EXPECT_TRUE(Allowed("user-agent: *\ndisallow: /page\nallow: /page\n", "/page"));
  EXPECT_TRUE(Allowed("user-agent: *\nallow: /page\ndisallow: /page\n", "/page"));
}

// RFC 9309, 2.2.2 and 2.2.3.
TEST(Robots, PatternsMatchAsTheRfcsTablesSay) {
  struct Case {
    const char* pattern;
    const char* path;
    bool forbids;
  };
  for (const Case& c : std::vector<Case>{
           {"/", "/", true},
           {"/fish", "/fish", true},
           {"/fish", "/fish.html", true},
           {"/fish", "/fish/salmon.html", true},
           {"/fish", "/Fish.asp", false},
           {"/fish", "/catfish", false},
           {"/fish/", "/fish", false},
           {"/fish/", "/fish/salmon", true},
           {"/*.php", "/folder/filename.php?parameters", true},
           {"/*.php", "/windows.PHP", false},
           {"/*.php$", "/filename.php", true},
           {"/*.php$", "/filename.php?x", false},
           {"/*.php$", "/a.php/b.php", true},
           {"/fish*.php", "/fishheads/catfish.php?x", true},
           {"/fish*.php", "/Fish.PHP", false},
           {"*", "/anything", true},
           {"$", "/", false},
           {"/$", "/", true},
           {"/$", "/a", false},
           {"/a$b", "/a$b", true},
           {"fish", "/fish", false},
           {"/a**b", "/axb", true},
           {"/foo/bar?baz=quz", "/foo/bar?baz=quz", true},
           {"/foo/bar?baz=quz", "/foo/bar", false},
           {"/foo/bar/\xE3\x83\x84", "/foo/bar/%E3%83%84", true},
           {"/foo/bar/%E3%83%84", "/foo/bar/\xE3\x83\x84", true},
           {"/foo/bar/%e3%83%84", "/foo/bar/%E3%83%84", true},
           {"/foo/bar/%62%61%7A", "/foo/bar/baz", true},
           {"/~joe/", "/%7ejoe/a", true},
           {"/%7Ejoe/", "/~joe/a", true},
           {"/a%2Fb", "/a/b", false},
           {"/a%2fb", "/a%2Fb", true},
           {"/a%", "/a%", true},
           {"/path/file-with-a-%2A.html", "/path/file-with-a-*.html", true},
           {"/path/foo-%24", "/path/foo-$", true},
           {"/path/foo-%24", "/path/foo-", false},
       }) {
    EXPECT_EQ(Forbids(c.pattern, c.path), c.forbids) << c.pattern << " " << c.path;
  }
}

TEST(Robots, TheTokenMatchesInAnyCaseAndWhole) {
  for (const char* agent : {"mannequin", "MANNEQUIN", "Mannequin/0.1", "mannequin (bot)"}) {
    EXPECT_FALSE(Allowed(absl::StrCat("User-agent: ", agent, "\nDisallow: /\n"), "/a")) << agent;
  }
  for (const char* agent : {"mannequinbot", "manne", "a mannequin", "mannequin-images"}) {
    EXPECT_TRUE(Allowed(absl::StrCat("User-agent: ", agent, "\nDisallow: /\n"), "/a")) << agent;
  }
}

TEST(Robots, OurGroupReplacesTheOneForAllEvenWhenItIsEmpty) {
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow: /\n\nUser-agent: mannequin\nDisallow: /x\n", "/a"));
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow: /\n\nUser-agent: mannequin\n", "/a"));
}

TEST(Robots, GroupsOfOneNameAreMerged) {
  const std::string text =
      "User-agent: mannequin\nDisallow: /a\n\nUser-agent: other\nDisallow: /b\n\nUser-agent: mannequin\nDisallow: /c\n";
  EXPECT_FALSE(Allowed(text, "/a"));
  EXPECT_TRUE(Allowed(text, "/b"));
  EXPECT_FALSE(Allowed(text, "/c"));
}

TEST(Robots, NamesOneAfterAnotherShareTheirRules) {
  const std::string text = "User-agent: other\n\n# both\nUser-agent: mannequin\nSitemap: /s\nDisallow: /a\n";
  EXPECT_FALSE(Allowed(text, "/a"));
  EXPECT_FALSE(Robots::Parse(text, "other").Check("/a").allowed);
}

TEST(Robots, LinesMayEndInAnyWay) {
  const std::string text = "\xEF\xBB\xBFUser-agent : mannequin # us\n  DISALLOW :  /a # not this\nallow: /a/b\n";
  for (const char* end : {"\n", "\r", "\r\n", "\n\n"}) {
    const std::string changed = absl::StrReplaceAll(text, {{"\n", end}});
    EXPECT_FALSE(Allowed(changed, "/a/c"));
    EXPECT_TRUE(Allowed(changed, "/a/b"));
  }
  EXPECT_FALSE(Allowed("user-agent: *\ndisallow: /a", "/a"));
}

TEST(Robots, TheFileItselfIsAlwaysAllowed) {
  EXPECT_TRUE(Allowed("user-agent: *\ndisallow: /\n", "/robots.txt"));
  EXPECT_FALSE(Allowed("user-agent: *\ndisallow: /\n", "/robots.txt?x"));
}

TEST(Robots, NothingIsReadBehindTheLimit) {
  std::string text = "user-agent: *\ndisallow: /a\n";
  text.append(Robots::kMaxBytes - text.size() - 15, '#');
  text += "\ndisallow: /b/c\ndisallow: /d\n";
  EXPECT_FALSE(Allowed(text, "/a"));
  // Cut to "disallow: /b/" it would forbid too much.
  EXPECT_TRUE(Allowed(text, "/b/x"));
  EXPECT_TRUE(Allowed(text, "/d"));
}

TEST(Robots, TheRuleThatDecidesIsNamed) {
  const Robots::Verdict verdict = Robots::Parse("user-agent: *\ndisallow: /img\n", "mannequin").Check("/img/1.jpg");
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.rule, "Disallow: /img");
}

TEST(Robots, CrawlDelayIsReadUpToThirtySeconds) {
  const auto delay = [](const char* value) {
    return Robots::Parse(absl::StrCat("user-agent: *\ncrawl-delay: ", value, "\n"), "mannequin").crawl_delay();
  };
  EXPECT_EQ(delay("2.5"), absl::Seconds(2.5));
  EXPECT_EQ(delay("3600"), absl::Seconds(30));
  EXPECT_EQ(delay("1e300"), absl::Seconds(30));
  for (const char* value : {"-1", "x", "", "nan", "inf"}) EXPECT_EQ(delay(value), absl::ZeroDuration()) << value;
  EXPECT_EQ(Robots::Parse("user-agent: *\ncrawl-delay: 9\n\nuser-agent: mannequin\n", "mannequin").crawl_delay(),
            absl::ZeroDuration());
}

TEST(Robots, StarsDoNotMakeItSlow) {
  std::string pattern = "/";
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  std::string text = "user-agent: *\n";
  while (text.size() < Robots::kMaxBytes) absl::StrAppend(&text, "disallow: ", pattern, "b$\n");
  const Robots robots = Robots::Parse(text, "mannequin");
  // A minute of backtracking otherwise: the test's own limit would end it.
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(robots.Check("/" + std::string(2000, 'a')).allowed);
}

}  // namespace
}  // namespace mannequin
