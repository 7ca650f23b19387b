#include "sync/password.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <type_traits>
#include <utility>

namespace usersyncd {
namespace {

template <class T>
concept Printable = requires(std::string& text, T value) {
  text += value;
};

bool has_any_of(std::string_view text, std::string_view characters) {
  return text.find_first_of(characters) != std::string_view::npos;
}

}  // namespace

TEST_CASE("A60: a secret cannot be copied or turned into text by accident, and is gone after a move") {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string> &&
                !std::is_convertible_v<Secret, std::string_view>);
  static_assert(!Printable<Secret>);

  std::string source = "short";
  Secret first{std::move(source)};
  CHECK(source.empty());
  Secret second{std::move(first)};
  CHECK(second.reveal() == "short");
  CHECK(first.empty());
  first = Secret::copy_of("other");
  first = std::move(second);
  CHECK(first.reveal() == "short");
}

TEST_CASE("wipe: nothing is left of the characters") {
  std::string text = "canary-8Zq-and-more-than-fits-inside";
  const char* characters = text.data();
  wipe(text);
  CHECK(text.empty());
  CHECK(characters[0] == '\0');
  CHECK(characters[1] == '\0');
}

TEST_CASE("password: long enough, of all four sets, without runs, never the same twice") {
  User person;
  person.username = "ann.lee@example.com";
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const Secret secret = make_password(person);
    const std::string_view password = secret.reveal();
    CAPTURE(password);
    CHECK(password.size() >= 16);
    CHECK(has_any_of(password, "abcdefghijklmnopqrstuvwxyz"));
    CHECK(has_any_of(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    CHECK(has_any_of(password, "0123456789"));
    CHECK(has_any_of(password, "!*-._"));
    for (std::size_t at = 3; at < password.size(); ++at) {
      const int step = password[at] - password[at - 1];
      const bool run = step >= -1 && step <= 1 && password[at - 1] - password[at - 2] == step &&
                       password[at - 2] - password[at - 3] == step;
      CHECK_FALSE(run);
    }
    CHECK(seen.insert(std::string{password}).second);
  }
}

TEST_CASE("password: holds neither username nor names nor e-mail, however short they are") {
  User person;
  person.username = "e";
  person.fields.set(Field::first_name, std::string{"T"});
  person.fields.set(Field::last_name, std::string{"7"});
  person.fields.set(Field::email, std::string{});
  for (int i = 0; i < 200; ++i) {
    const Secret password = make_password(person);
    CHECK_FALSE(has_any_of(password.reveal(), "eEtT7"));
  }
}

}  // namespace usersyncd
