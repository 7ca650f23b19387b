#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace usersyncd::test {

/// A certificate and its private key, as PEM files.
struct Certificate {
  std::string certificate_file;
  std::string key_file;
};

/// What a certificate is made for.
struct CertificateWish {
  std::vector<std::string> names;  ///< subject alternative names: `DNS:localhost`, `IP:127.0.0.1`
  long valid_from = -3600;         ///< seconds from now
  long valid_until = 3600;
};

/// A certificate authority that lives as long as its test, in a directory of its own that goes with it.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  /// For tls.caFile.
  std::string ca_file() const;
  Certificate issue(const CertificateWish& wish);

 private:
  std::filesystem::path directory_;
  int issued_ = 0;
};

}  // namespace usersyncd::test
