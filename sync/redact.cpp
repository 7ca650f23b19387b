#include "sync/redact.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sync/base64.hpp"
#include "sync/escapes.hpp"

namespace usersyncd {
namespace {

constexpr std::string_view mark = "[redacted]";
constexpr std::string_view escape_starts = "%&\\";
constexpr std::size_t few_patterns = 16;  // so many are tried faster than looked up

std::size_t byte_of(char c) {
  return static_cast<unsigned char>(c);
}

bool is_base64(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
         c == '-' || c == '_';
}

/// Where the `value` that begins at `pos`, plain or escaped, ends; 0 if there is none. `value` has no
/// backslashes, and those of the text that introduce no escape are passed over: how many there are depends on
/// the level of nesting.
std::size_t end_of_value(std::string_view text, std::size_t pos, std::string_view value) {
  while (!value.empty()) {
    if (pos >= text.size()) return 0;
    const Unescaped character = unescape(text, pos);
    if (character.length != 0 && value.starts_with(character.text())) {
      // `%25` may be a percent sign that was escaped, or one that was not and stands before 25.
      if (text[pos] == value.front()) {
        if (const std::size_t end = end_of_value(text, pos + 1, value.substr(1))) return end;
      }
      pos += character.length;
      value.remove_prefix(character.size);
      continue;
    }
    if (character.text() == "\\") {
      pos += character.length;
      continue;
    }
    pos += backslashes_at(text, pos);
    if (pos >= text.size()) return 0;
    const bool blank_of_form = text[pos] == '+' && value.front() == ' ';
    if (text[pos] != value.front() && !blank_of_form) return 0;
    ++pos;
    value.remove_prefix(1);
  }
  return pos;
}

/// The whole base64 text around a part of it: the edges of the part still say something of the secret's first
/// and last byte.
TextRange widened_base64(std::string_view text, TextRange part) {
  while (part.begin > 0 && is_base64(text[part.begin - 1])) --part.begin;
  while (part.end < text.size()) {
    const Unescaped character = unescape(text, part.end);
    const char c = character.length == 0 ? text[part.end] : character.bytes[0];
    if (!is_base64(c) && c != '=') break;
    part.end += std::max<std::size_t>(character.length, 1);
  }
  return part;
}

/// What the base64 text of anything that holds `value` at `offset` modulo 3 holds, whatever stands around it.
Secret base64_core(std::string_view value, std::size_t offset) {
  std::string plain(offset, '\0');
  plain += value;
  std::string encoded = to_base64(plain);
  const std::size_t first_own = (offset * 8 + 5) / 6;
  const std::size_t last_own = plain.size() * 8 / 6;
  Secret core = Secret::copy_of(std::string_view{encoded}.substr(first_own, last_own - first_own));
  wipe(plain);
  wipe(encoded);
  return core;
}

Secret in_hexadecimal(std::string_view value, std::string_view digits) {
  std::string text;
  text.reserve(2 * value.size());  // so that no copy of a part stays behind
  for (const char c : value) {
    text += digits[byte_of(c) / 16];
    text += digits[byte_of(c) % 16];
  }
  return Secret{std::move(text)};
}

Secret with_url_alphabet(const Secret& base64) {
  std::string text{base64.reveal()};
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return Secret{std::move(text)};
}

}  // namespace

Redactor::Redactor(Redactor* wider) : wider_(wider) {
  for (const char c : key_marks) mark_all_pairs(c);
}

std::vector<Redactor::Pattern> Redactor::patterns_of(std::string_view value) {
  std::vector<Pattern> patterns;
  std::string bare{value};
  std::erase(bare, '\\');
  if (!bare.empty()) patterns.push_back({Secret{std::move(bare)}, false});
  for (const std::string_view digits : {"0123456789abcdef", "0123456789ABCDEF"})
    patterns.push_back({in_hexadecimal(value, digits), false});
  for (const std::size_t offset : {0U, 1U, 2U}) {
    Secret core = base64_core(value, offset);
    if (core.reveal().find_first_of("+/") != std::string_view::npos) {
      patterns.push_back({with_url_alphabet(core), true});
    }
    patterns.push_back({std::move(core), true});
  }
  return patterns;
}

void Redactor::add(std::string_view value) {
  rotate({}, value);
}

void Redactor::rotate(std::string_view slot, std::string_view value) {
  if (wider_) wider_->rotate(slot, value);
  if (value.size() < shortest_value) return;
  auto& kept = slots_.try_emplace(std::string{slot}).first->second;
  for (auto it = kept.begin(); it != kept.end(); ++it) {
    if ((*it)->value.reveal() != value) continue;
    drop(*it);
    kept.erase(it);
    break;
  }
  entries_.push_back({std::string{slot}, Secret::copy_of(value), patterns_of(value)});
  kept.push_back(std::prev(entries_.end()));
  index(entries_.back());
  if (slot.empty() || kept.size() <= kept_per_slot) return;
  drop(kept.front());
  kept.pop_front();
}

void Redactor::remove(std::string_view value) {
  if (wider_) wider_->remove(value);
  for (auto& [slot, kept] : slots_) {
    const auto is_it = [value](const Entries::iterator& entry) { return entry->value.reveal() == value; };
    for (auto it = std::find_if(kept.begin(), kept.end(), is_it); it != kept.end();
         it = std::find_if(kept.begin(), kept.end(), is_it)) {
      drop(*it);
      kept.erase(it);
    }
  }
}

// The marks stay: a pair too many only costs a closer look.
void Redactor::drop(Entries::iterator entry) {
  for (const Pattern& pattern : entry->patterns) {
    const std::string_view bytes = pattern.bytes.reveal();
    std::erase(by_first_byte_[byte_of(bytes.front())], &pattern);
    if (bytes.size() > 1) std::erase(by_pair_[pair_of(bytes[0], bytes[1])], &pattern);
  }
  entries_.erase(entry);
}

std::size_t Redactor::pair_of(char first, char second) {
  return byte_of(first) * 256 + byte_of(second);
}

void Redactor::mark_pair(char first, char second) {
  interesting_.set(pair_of(first, second));
}

void Redactor::mark_all_pairs(char first) {
  for (std::size_t second = 0; second < 256; ++second) interesting_.set(byte_of(first) * 256 + second);
}

/// Two bytes are enough to pass over nearly all of a text; only what they let through is looked at closely.
void Redactor::index(const Entry& entry) {
  for (const char c : escape_starts) mark_all_pairs(c);
  for (const Pattern& pattern : entry.patterns) {
    const std::string_view bytes = pattern.bytes.reveal();
    by_first_byte_[byte_of(bytes.front())].push_back(&pattern);
    for (const char c : escape_starts) mark_pair(bytes.front(), c);
    if (bytes.size() == 1 || bytes[1] == ' ') mark_all_pairs(bytes.front());
    if (bytes.size() == 1) {
      single_.set(byte_of(bytes.front()));
      continue;
    }
    mark_pair(bytes.front(), bytes[1]);
    by_pair_[pair_of(bytes[0], bytes[1])].push_back(&pattern);
  }
}

/// The patterns that may begin with these two bytes of a text. Where the second may be the start of an
/// escape, or stand for a blank, only the first tells.
const Redactor::Bucket& Redactor::candidates(char first, char second) const {
  static const Bucket none;
  const auto& all = by_first_byte_[byte_of(first)];
  const bool first_tells = all.size() <= few_patterns || single_[byte_of(first)];
  const bool hidden = second == '+' || escape_starts.find(second) != std::string_view::npos;
  if (first_tells || hidden) return all;
  const auto found = by_pair_.find(pair_of(first, second));
  return found == by_pair_.end() ? none : found->second;
}

/// The longest registered value that begins at `pos`, in any spelling.
TextRange Redactor::known_value_at(std::string_view text, std::size_t pos) const {
  TextRange found{pos, pos};
  const auto try_all = [&](const Bucket& patterns) {
    for (const Pattern* pattern : patterns) {
      const std::size_t end = end_of_value(text, pos, pattern->bytes.reveal());
      if (end == 0) continue;
      TextRange range{pos, end};
      if (pattern->base64) range = widened_base64(text, range);
      found.begin = std::min(found.begin, range.begin);
      found.end = std::max(found.end, range.end);
    }
  };
  const char next = pos + 1 < text.size() ? text[pos + 1] : '%';
  try_all(candidates(text[pos], next));
  const Unescaped character = unescape(text, pos);
  if (character.length != 0 && character.bytes[0] != text[pos])
    try_all(by_first_byte_[byte_of(character.bytes[0])]);
  return found;
}

std::vector<TextRange> Redactor::secret_ranges(std::string_view text) const {
  std::vector<TextRange> ranges;
  std::size_t pos = 0;
  while (pos < text.size()) {
    const char next = pos + 1 < text.size() ? text[pos + 1] : '\0';
    if (!interesting_[byte_of(text[pos]) * 256 + byte_of(next)]) {
      ++pos;
      continue;
    }
    TextRange range = known_value_at(text, pos);
    if (range.empty()) range = secret_value_at(text, pos);
    if (range.empty()) {
      ++pos;
      continue;
    }
    if (!ranges.empty()) range.begin = std::max(range.begin, ranges.back().end);
    ranges.push_back(range);
    pos = range.end;
  }
  return ranges;
}

void Redactor::redact_in_place(std::string& text) const {
  const std::vector<TextRange> ranges = secret_ranges(text);
  if (ranges.empty()) return;
  std::string redacted;
  redacted.reserve(text.size());
  std::size_t done = 0;
  for (const TextRange& range : ranges) {
    redacted.append(text, done, range.begin - done);
    redacted += mark;
    done = range.end;
  }
  redacted.append(text, done, std::string::npos);
  text = std::move(redacted);
}

std::string Redactor::redact(std::string_view text) const {
  std::string redacted{text};
  redact_in_place(redacted);
  return redacted;
}

void Redactor::redact_headers(Headers& headers) const {
  for (auto& [name, value] : headers) {
    if (is_secret_header(name)) {
      value = mark;
    } else {
      redact_in_place(value);
    }
  }
}

void Redactor::redact(ExchangeRecord& record) const {
  redact_in_place(record.url);
  redact_headers(record.request_headers);
  redact_in_place(record.request_body);
  redact_headers(record.response_headers);
  redact_in_place(record.response_body);
  redact_in_place(record.error);
}

}  // namespace usersyncd
