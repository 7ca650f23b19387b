#include "store/merkle.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace usersyncd {
namespace {

/// An inner node: the byte 0x01 keeps it from ever being taken for a leaf.
Digest node_of(const Digest& left, const Digest& right) {
  std::array<char, 65> bytes{1};
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 33);
  return sha256(std::string_view{bytes.data(), bytes.size()});
}

constexpr unsigned char no_digit = 0xff;

/// By byte; lower case only.
constexpr std::array<unsigned char, 256> digit_values = [] {
  std::array<unsigned char, 256> values{};
  values.fill(no_digit);
  for (unsigned char value = 0; value < 16; ++value)
    values[static_cast<unsigned char>("0123456789abcdef"[value])] = value;
  return values;
}();

}  // namespace

std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = digit_values[static_cast<unsigned char>(text[2 * i])];
    const auto low = digit_values[static_cast<unsigned char>(text[2 * i + 1])];
    if (high == no_digit || low == no_digit) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high << 4U | low);
  }
  return digest;
}

void MerkleFrontier::add(const Digest& leaf) {
  subtrees_.push_back(leaf);
  // As many subtrees of equal size meet as the old size ends in ones.
  for (auto size = static_cast<std::uint64_t>(size_); (size & 1U) != 0; size >>= 1U) {
    const Digest right = subtrees_.back();
    subtrees_.pop_back();
    subtrees_.back() = node_of(subtrees_.back(), right);
  }
  ++size_;
}

Digest MerkleFrontier::root() const {
  if (subtrees_.empty()) return sha256({});
  Digest root = subtrees_.back();
  for (auto left = subtrees_.rbegin() + 1; left != subtrees_.rend(); ++left) root = node_of(*left, root);
  return root;
}

std::string MerkleFrontier::text() const {
  std::string text;
  for (const Digest& subtree : subtrees_) text += hex_of(subtree);
  return text;
}

std::optional<MerkleFrontier> MerkleFrontier::parse(std::int64_t size, std::string_view text) {
  constexpr std::size_t width = 64;
  if (size < 0) return std::nullopt;
  const auto subtrees = static_cast<std::size_t>(std::popcount(static_cast<std::uint64_t>(size)));
  if (text.size() != subtrees * width) return std::nullopt;
  MerkleFrontier frontier;
  frontier.size_ = size;
  for (std::size_t at = 0; at < text.size(); at += width) {
    const auto digest = digest_from_hex(text.substr(at, width));
    if (!digest) return std::nullopt;
    frontier.subtrees_.push_back(*digest);
  }
  return frontier;
}

}  // namespace usersyncd
