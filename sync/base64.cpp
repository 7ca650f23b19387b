#include "sync/base64.hpp"

#include <openssl/evp.h>

namespace usersyncd {

std::string to_base64(std::string_view bytes) {
  std::string encoded(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const auto* input = reinterpret_cast<const unsigned char*>(bytes.data());
  auto* output = reinterpret_cast<unsigned char*>(encoded.data());
  const int size = EVP_EncodeBlock(output, input, static_cast<int>(bytes.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 1'000'000) return std::nullopt;
  std::string decoded(text.size() / 4 * 3, '\0');
  const auto* input = reinterpret_cast<const unsigned char*>(text.data());
  auto* output = reinterpret_cast<unsigned char*>(decoded.data());
  if (EVP_DecodeBlock(output, input, static_cast<int>(text.size())) < 0) return std::nullopt;
  // OpenSSL counts the padding as bytes.
  if (text.ends_with("==")) decoded.pop_back();
  if (text.ends_with('=')) decoded.pop_back();
  // It also takes blanks, and bits that say nothing: two texts for the same bytes.
  if (to_base64(decoded) != text) return std::nullopt;
  return decoded;
}

}  // namespace usersyncd
