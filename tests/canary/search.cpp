#include "tests/canary/search.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <map>

#include "tests/program/process.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::canary {
namespace {

std::string hex(unsigned char byte, bool capital) {
  std::array<char, 3> text{};
  std::snprintf(text.data(), text.size(), capital ? "%02X" : "%02x", byte);
  return text.data();
}

// Each byte by itself, or as `escape` writes it.
template <class Escape>
std::string each(const std::string& secret, Escape escape) {
  std::string text;
  for (const char byte : secret) text += escape(byte);
  return text;
}

bool is_plain(char byte) {
  const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  return letter || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

std::string percent(const std::string& secret, bool all, bool capital) {
  return each(secret, [&](char byte) {
    if (!all && is_plain(byte)) return std::string(1, byte);
    return "%" + hex(static_cast<unsigned char>(byte), capital);
  });
}

std::string json(const std::string& secret) {
  const auto quoted = boost::json::serialize(boost::json::string(secret));
  return quoted.substr(1, quoted.size() - 2);
}

std::string slashes_escaped(std::string text) {
  for (auto at = text.find('/'); at != std::string::npos; at = text.find('/', at + 2)) text.insert(at, "\\");
  return text;
}

std::string unicode(const std::string& secret, bool all, bool capital) {
  return each(secret, [&](char byte) {
    if (!all && is_plain(byte)) return std::string(1, byte);
    return "\\u00" + hex(static_cast<unsigned char>(byte), capital);
  });
}

std::string xml(const std::string& secret) {
  static const std::map<char, std::string> entities{
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
  return each(secret, [](char byte) {
    const auto found = entities.find(byte);
    return found == entities.end() ? std::string(1, byte) : found->second;
  });
}

// What of the encoded text depends on the secret alone, with `before` bytes of something else before it.
std::string aligned(const std::string& secret, std::size_t before) {
  const auto skipped = (3 - before) % 3;
  if (secret.size() < skipped + 3) return {};
  const auto whole = (secret.size() - skipped) / 3 * 3;
  return base64(std::string_view{secret}.substr(skipped, whole));
}

std::string for_urls(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

bool is_store(const std::string& bytes) {
  return bytes.starts_with("SQLite format 3");
}

// All values of all tables, one after the other.
std::string values_of(const std::string& path) {
  const auto selects = test::query_raw(
      path,
      "SELECT group_concat('SELECT group_concat(' || columns || ', char(10)) AS t FROM \"' || name || '\"', "
      "' UNION ALL ') FROM (SELECT m.name, (SELECT group_concat('coalesce(CAST(\"' || name || '\" AS TEXT), "
      "\"\")', ' || char(10) || ') FROM pragma_table_info(m.name)) AS columns FROM sqlite_master m WHERE "
      "m.type = 'table')");
  if (selects.empty()) return {};
  return test::query_raw(path, "SELECT group_concat(t, char(10)) FROM (" + selects + ")");
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::vector<unsigned char> encoded(4 * ((bytes.size() + 2) / 3) + 1);
  const int length = EVP_EncodeBlock(encoded.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  return {encoded.begin(), encoded.begin() + length};
}

std::vector<Spelling> spellings_of(const std::string& secret) {
  std::vector<Spelling> all{{"plain", secret},
                            {"JSON", json(secret)},
                            {"JSON with its slashes escaped", slashes_escaped(json(secret))},
                            {"XML", xml(secret)},
                            {"JSON within JSON", json(json(secret))}};
  for (const bool capital : {false, true}) {
    all.push_back({"hexadecimal",
                   each(secret, [&](char byte) { return hex(static_cast<unsigned char>(byte), capital); })});
    for (const bool every : {false, true}) {
      all.push_back({"percent-encoded", percent(secret, every, capital)});
      all.push_back({"\\u escapes", unicode(secret, every, capital)});
    }
  }
  for (std::size_t before = 0; before < 3; ++before) {
    const auto encoded = aligned(secret, before);
    const auto name = "base64, " + std::to_string(before) + " further in";
    all.push_back({name, encoded});
    all.push_back({name + ", for URLs", for_urls(encoded)});
    all.push_back({name + ", percent-encoded", percent(encoded, false, true)});
  }
  std::erase_if(all, [](const Spelling& spelling) { return spelling.bytes.size() < 6; });
  return all;
}

void Search::add(const std::string& name, const std::string& secret) {
  secrets_.emplace_back(name, spellings_of(secret));
}

std::vector<std::string> Search::in_text(std::string_view text) const {
  std::vector<std::string> found;
  for (const auto& [name, spellings] : secrets_) {
    for (const auto& spelling : spellings) {
      if (text.find(spelling.bytes) == std::string_view::npos) continue;
      found.push_back(name + " in " + spelling.name);
      break;
    }
  }
  return found;
}

std::vector<std::string> Search::in_files(const std::filesystem::path& directory) const {
  std::vector<std::string> found;
  const auto note = [&](const std::string& where, const std::string& text) {
    for (const auto& one : in_text(text)) found.push_back(where + ": " + one);
  };
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    const auto path = file.path().string();
    const auto bytes = test::read_text(path);
    ++files_read_;
    note(path, bytes);
    note("the name of " + path, path);
    if (is_store(bytes)) note("a value in " + path, values_of(path));
  }
  return found;
}

}  // namespace usersyncd::canary
