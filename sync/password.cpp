#include "sync/password.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace usersyncd {
namespace {

// Letters and digits that people mistake for each other are left out: someone may have to type it.
constexpr std::string_view lower = "abcdefghijkmnpqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHJKLMNPQRSTUVWXYZ";
constexpr std::string_view digits = "23456789";
constexpr std::string_view marks = "!*-._";
constexpr std::array sets{lower, upper, digits, marks};

constexpr std::size_t password_length = 20;
constexpr std::size_t longest_run = 3;
constexpr int max_attempts = 100'000;

/// Uniform over the alphabet: bytes that would make its first characters likelier are thrown away.
char random_character(std::string_view alphabet) {
  const std::size_t usable = 256 - 256 % alphabet.size();
  for (;;) {
    unsigned char byte = 0;
    if (RAND_bytes(&byte, 1) != 1) throw std::runtime_error("the system's random source failed");
    if (byte < usable) return alphabet[byte % alphabet.size()];
  }
}

bool has_every_set(std::string_view password) {
  return std::all_of(sets.begin(), sets.end(), [password](std::string_view set) {
    return password.find_first_of(set) != std::string_view::npos;
  });
}

/// Whether more than longest_run neighbours are alike ("aaaa") or follow each other ("abcd", "4321").
bool has_run(std::string_view password) {
  std::size_t length = 1;
  int previous_step = 2;
  for (std::size_t i = 1; i < password.size(); ++i) {
    const int step = password[i] - password[i - 1];
    if (step < -1 || step > 1) {
      length = 1;
    } else {
      length = step == previous_step ? length + 1 : 2;
    }
    previous_step = step;
    if (length > longest_run) return true;
  }
  return false;
}

std::vector<std::string> forbidden_words(const User& person) {
  std::vector<std::string> words{key_of(person.username)};
  for (const Field field : {Field::first_name, Field::last_name, Field::email}) {
    if (const std::string* text = person.fields.text(field)) words.push_back(key_of(*text));
  }
  const std::string name_part = words.front().substr(0, words.front().find('@'));
  words.push_back(name_part);
  std::erase_if(words, [](const std::string& word) { return word.empty(); });
  return words;
}

bool holds_any(std::string_view password, const std::vector<std::string>& words) {
  std::string folded = key_of(password);
  const bool found = std::any_of(words.begin(), words.end(), [&folded](const std::string& word) {
    return folded.find(word) != std::string::npos;
  });
  wipe(folded);
  return found;
}

}  // namespace

Secret make_password(const User& person) {
  const std::vector<std::string> words = forbidden_words(person);
  std::string alphabet;
  for (const std::string_view set : sets) alphabet += set;

  for (int attempt = 0; attempt < max_attempts; ++attempt) {
    std::string password(password_length, ' ');
    std::generate(password.begin(), password.end(), [&alphabet] { return random_character(alphabet); });
    if (has_every_set(password) && !has_run(password) && !holds_any(password, words)) {
      return Secret{std::move(password)};
    }
    wipe(password);
  }
  throw std::logic_error("no password can be made for " + person.username);
}

}  // namespace usersyncd
