#include "policies/glob.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace usersyncd;

TEST_CASE("a glob fits the whole text, character by character") {
  struct Row {
    const char* pattern;
    const char* text;
    bool fits;
  };
  for (const Row& row : {Row{"", "", true},
                         Row{"", "a", false},
                         Row{"*", "", true},
                         Row{"*", "anything", true},
                         Row{"?", "", false},
                         Row{"?", "a", true},
                         Row{"?", "ab", false},
                         Row{"a*c", "abbbc", true},
                         Row{"a*c", "abbbd", false},
                         Row{"*a*b*", "xxaxxbxx", true},
                         Row{"*ab", "aab", true},
                         Row{"*ab", "axb", false},
                         Row{"a**b", "ab", true},
                         Row{"breakglass-*", "breakglass-1", true},
                         Row{"breakglass-*", "a-breakglass-1", false},
                         Row{"a.b", "axb", false},
                         Row{"[ab]", "a", false},
                         Row{"[ab]", "[ab]", true},
                         Row{"?", "\xC3\xA4", true},
                         Row{"??", "\xC3\xA4", false},
                         Row{"?", "\xC3\xA9", true},
                         Row{"ab*bc", "abc", false},
                         Row{"*?x", "\xC3\xA4x", true},
                         Row{"Ann", "ann", false}}) {
    CAPTURE(row.pattern);
    CAPTURE(row.text);
    CHECK(glob_match(row.pattern, row.text) == row.fits);
  }
}

TEST_CASE("a glob ends where its view ends, whatever comes behind") {
  for (const std::string_view pattern : {"*a*", "*a?", "*aa"}) {
    CAPTURE(pattern);
    CHECK(glob_match(pattern.substr(0, 2), "aa"));
    CHECK_FALSE(glob_match(pattern.substr(0, 2), "ab"));
    CHECK(glob_match(pattern.substr(0, 2), std::string_view{"ab"}.substr(0, 1)));
  }
}

TEST_CASE("usernames and e-mail addresses fit without regard to case") {
  CHECK(glob_match_folded("*@Example.COM", "Ann@EXAMPLE.com"));
  CHECK(glob_match_any({"x*", "BREAKGLASS-?"}, "breakglass-1"));
  CHECK_FALSE(glob_match_any({}, "anybody"));
}

TEST_CASE("a glob full of stars costs no more than its length times that of the text") {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  CHECK_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
}
