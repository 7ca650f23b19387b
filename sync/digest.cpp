#include "sync/digest.hpp"

#include <openssl/evp.h>

#include <memory>
#include <new>

#include "sync/plan.hpp"

namespace usersyncd {
namespace {

struct ContextCloser {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// To look the algorithm up costs more than to hash a short text, so that is done once.
EVP_MD_CTX* begun() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextCloser> context{EVP_MD_CTX_new()};
  if (!algorithm || !context || EVP_DigestInit_ex2(context.get(), algorithm, nullptr) != 1)
    throw std::bad_alloc();
  return context.get();
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest{};
  EVP_MD_CTX* const context = begun();
  if (EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context, digest.data(), nullptr) != 1) {
    throw std::bad_alloc();
  }
  return digest;
}

std::string hex_of(const Digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(digest.size() * 2, '0');
  for (std::size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = digits[digest[i] >> 4U];
    text[2 * i + 1] = digits[digest[i] & 15U];
  }
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  return hex_of(sha256(bytes));
}

}  // namespace usersyncd
