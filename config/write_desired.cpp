#include "config/write_desired.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>
#include <string_view>

#include "config/user_rules.hpp"
#include "config/utf8.hpp"

namespace usersyncd {
namespace {

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// True for words that some reader of YAML takes for a boolean, a null or a number.
bool is_reserved_word(std::string_view text) {
  constexpr std::array<std::string_view, 11> words{"true", "false", "yes",  "no",  "on", "off",
                                                   "y",    "n",     "null", "nan", "inf"};
  return std::find(words.begin(), words.end(), key_of(text)) != words.end();
}

/// A letter, then letters, digits and harmless signs, with single blanks between: `Ann-Marie`, `TN Lookup`.
bool is_plain(std::string_view text) {
  if (text.empty() || !is_letter(text.front()) || text.back() == ' ' || is_reserved_word(text)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view(" @._-").find(c) != std::string_view::npos;
  });
}

/// Characters that are not shown as themselves, or that end a line for some readers.
bool needs_escape(char32_t value) {
  return value < 0x20 || (value >= 0x7F && value <= 0xA0) || value == 0xAD || value == 0xFEFF ||
         (value >= 0x200B && value <= 0x200F) || (value >= 0x2028 && value <= 0x202E) ||
         (value >= 0x2066 && value <= 0x2069) || value == 0xFFFE || value == 0xFFFF;
}

std::string escape(char32_t value) {
  switch (value) {
    case U'"':
      return "\\\"";
    case U'\\':
      return "\\\\";
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    default:
      break;
  }
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "\\u%04X", static_cast<unsigned>(value));
  return text.data();
}

/// The lines of one file, and why values were left out.
class Writer {
 public:
  explicit Writer(std::string head) : out_(std::move(head)) {}

  void user(const User& user) {
    auto fault = fault_of_username(user.username);
    if (!fault && !keys_.insert(key_of(user.username)).second)
      fault = "it differs from another one in case only";
    if (fault) {
      out_ += "  # left out: the user " + yaml_scalar(user.username) + ": " + *fault + "\n";
      left_out_.push_back(user.username);
      return;
    }
    out_ += "  - username: " + yaml_scalar(user.username) + "\n";
    text(user, Field::first_name, fault_of_name);
    text(user, Field::last_name, fault_of_name);
    text(user, Field::email, fault_of_email);
    text(user, Field::phone, fault_of_phone);
    list(user, Field::roles);
    list(user, Field::accounts);
    text(user, Field::scope, fault_of_scope);
    const auto enabled = user.fields.flag(Field::enabled);
    if (enabled) out_ += std::string("    enabled: ") + (*enabled ? "true" : "false") + "\n";
  }

  WrittenDesired finish() {
    if (keys_.empty()) out_ += "  []\n";
    return {std::move(out_), std::move(left_out_)};
  }

 private:
  void text(const User& user, Field field,
            const std::function<std::optional<std::string>(const std::string&)>& fault_of) {
    const std::string* value = user.fields.text(field);
    if (!value) return;
    const auto fault = fault_of(*value);
    out_ += fault ? "    # left out: " : "    ";
    out_ += std::string(name_of(field)) + ": " + yaml_scalar(*value) + (fault ? " (" + *fault + ")\n" : "\n");
  }

  void list(const User& user, Field field) {
    const StringSet* values = user.fields.set_of(field);
    if (!values) return;
    const bool readable = std::all_of(values->begin(), values->end(), [](const std::string& value) {
      return value.find_first_not_of(" \t\r\n") != std::string::npos;
    });
    std::string items;
    for (const std::string& value : *values) items += (items.empty() ? "" : ", ") + yaml_scalar(value);
    out_ += readable ? "    " : "    # left out, as one of them is empty: ";
    out_ += std::string(name_of(field)) + ": [" + items + "]\n";
  }

  std::string out_;
  std::set<std::string> keys_;  ///< of the users that are written
  std::vector<std::string> left_out_;
};

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string result = "\"";
  for (std::size_t offset = 0; offset < text.size();) {
    const auto point = code_point_at(text, offset);
    const std::size_t length = point ? point->length : 1;
    const bool special =
        point && (point->value == U'"' || point->value == U'\\' || needs_escape(point->value));
    if (!point)
      result += "\\uFFFD";  // No YAML file can hold what is not UTF-8.
    else if (special)
      result += escape(point->value);
    else
      result += text.substr(offset, length);
    offset += length;
  }
  return result + "\"";
}

WrittenDesired write_desired(const std::string& account, std::vector<User> users, Time written_at) {
  std::sort(users.begin(), users.end(), [](const User& left, const User& right) {
    return key_of(left.username) < key_of(right.username);
  });
  Writer writer("# The users of account " + yaml_scalar(account) + " as they were found at " +
                format_time(written_at) +
                ".\n# A field that is not written is neither compared nor changed.\nversion: 1\naccount: " +
                yaml_scalar(account) + "\nusers:\n");
  for (const User& user : users) writer.user(user);
  return writer.finish();
}

}  // namespace usersyncd
