#include "sync/secret.hpp"

#include <openssl/crypto.h>

#include <utility>

namespace usersyncd {

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Secret::Secret(std::string&& value) : bytes_(value.begin(), value.end()) {
  wipe(value);
}

Secret Secret::copy_of(std::string_view value) {
  Secret secret;
  secret.bytes_.assign(value.begin(), value.end());
  return secret;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    clear();
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

Secret::~Secret() {
  clear();
}

void Secret::clear() noexcept {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
  bytes_.clear();
}

}  // namespace usersyncd
