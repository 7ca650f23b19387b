#include "tests/support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace usersyncd::test {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Release<X509_free>>;
using FilePtr = std::unique_ptr<std::FILE, Release<std::fclose>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;

void require(bool success) {
  if (!success) throw std::runtime_error("OpenSSL would not make a certificate");
}

FilePtr open_file(const std::string& path, const char* mode) {
  FilePtr file{std::fopen(path.c_str(), mode)};
  require(file != nullptr);
  return file;
}

void extend(X509* certificate, int kind, const std::string& value) {
  const ExtensionPtr extension{X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str())};
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

CertPtr unsigned_certificate(EVP_PKEY* key, const std::string& name, long from, long until, long serial) {
  CertPtr certificate{X509_new()};
  require(certificate && X509_set_version(certificate.get(), 2) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
  X509_set_pubkey(certificate.get(), key);
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
  return certificate;
}

void save(const Certificate& files, X509* certificate, EVP_PKEY* key) {
  const FilePtr certificate_file = open_file(files.certificate_file, "w");
  require(PEM_write_X509(certificate_file.get(), certificate) == 1);
  const FilePtr key_file = open_file(files.key_file, "w");
  require(PEM_write_PrivateKey(key_file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

Certificate files_in(const std::filesystem::path& directory, const std::string& name) {
  return {directory / (name + ".pem"), directory / (name + ".key")};
}

std::filesystem::path make_directory() {
  std::string pattern = std::filesystem::temp_directory_path() / "usersyncd-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  return pattern;
}

}  // namespace

TestAuthority::TestAuthority() : directory_(make_directory()) {
  const KeyPtr key{EVP_EC_gen("P-256")};
  const CertPtr certificate = unsigned_certificate(key.get(), directory_.filename(), -7200, 7200, 1);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate.get(), NID_key_usage, "critical,keyCertSign");
  require(X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0);
  save(files_in(directory_, "ca"), certificate.get(), key.get());
}

TestAuthority::~TestAuthority() {
  std::error_code ignored;  // nothing can be done about a directory that stays behind
  std::filesystem::remove_all(directory_, ignored);
}

std::string TestAuthority::ca_file() const {
  return files_in(directory_, "ca").certificate_file;
}

Certificate TestAuthority::issue(const CertificateWish& wish) {
  const Certificate ca = files_in(directory_, "ca");
  const FilePtr ca_certificate_file = open_file(ca.certificate_file, "r");
  const CertPtr ca_certificate{PEM_read_X509(ca_certificate_file.get(), nullptr, nullptr, nullptr)};
  const FilePtr ca_key_file = open_file(ca.key_file, "r");
  const KeyPtr ca_key{PEM_read_PrivateKey(ca_key_file.get(), nullptr, nullptr, nullptr)};
  require(ca_certificate && ca_key);

  const KeyPtr key{EVP_EC_gen("P-256")};
  ++issued_;
  // The common name is always right: a client that looks at it accepts what it should refuse.
  const CertPtr certificate =
      unsigned_certificate(key.get(), "localhost", wish.valid_from, wish.valid_until, 1 + issued_);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca_certificate.get()));
  std::string names;
  for (const std::string& name : wish.names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) extend(certificate.get(), NID_subject_alt_name, names);
  require(X509_sign(certificate.get(), ca_key.get(), EVP_sha256()) != 0);

  const Certificate files = files_in(directory_, "server" + std::to_string(issued_));
  save(files, certificate.get(), key.get());
  return files;
}

}  // namespace usersyncd::test
