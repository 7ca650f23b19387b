#include "store/merkle.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <bit>

namespace usersyncd {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

/// An inner node: the byte 0x01 keeps it from ever being taken for a leaf.
Digest node_of(const Digest& left, const Digest& right) {
  std::array<unsigned char, 65> bytes{1};
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 33);
  Digest digest{};
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}

}  // namespace

std::string hex_of(const Digest& digest) {
  std::string text;
  text.reserve(digest.size() * 2);
  for (const unsigned char byte : digest) {
    text += hex_digits[byte >> 4U];
    text += hex_digits[byte & 15U];
  }
  return text;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = hex_digits.find(text[2 * i]);
    const auto low = hex_digits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
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
  Digest root{};
  if (subtrees_.empty()) {
    SHA256(nullptr, 0, root.data());
    return root;
  }
  root = subtrees_.back();
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
