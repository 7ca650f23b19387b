#include "simulator/tls.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "simulator/message.hpp"

namespace usersyncd::sim {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void require(bool done, const std::string& what) {
  if (!done) {
    throw InputError("cannot make a certificate: " + what);
  }
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  require(key != nullptr, "no key");
  return key;
}

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  require(extension != nullptr, std::string("extension ") + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// Serial numbers must differ within an authority, and clients notice when a new authority reuses an old
/// one's.
void set_random_serial(X509* certificate) {
  std::unique_ptr<BIGNUM, decltype(&BN_free)> number(BN_new(), &BN_free);
  require(BN_rand(number.get(), 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "no randomness");
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

Certificate make_certificate(const std::string& name, EVP_PKEY* key) {
  constexpr long year = 365L * 24 * 3600;
  Certificate certificate(X509_new(), &X509_free);
  require(certificate != nullptr, "out of memory");
  X509_set_version(certificate.get(), X509_VERSION_3);
  set_random_serial(certificate.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), year);
  X509_set_pubkey(certificate.get(), key);
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
  return certificate;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  require(X509_sign(certificate, issuer_key, EVP_sha256()) != 0, "signing failed");
}

/// `write` puts PEM into the file; the mode is the file's from its first byte on.
template <class Write>
void write_pem(const std::string& path, mode_t mode, Write write) {
  ::unlink(path.c_str());
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  require(descriptor >= 0, "cannot write '" + path + "'");
  std::FILE* file = ::fdopen(descriptor, "w");
  require(file != nullptr, "cannot write '" + path + "'");
  const bool written = write(file) == 1;
  require(std::fclose(file) == 0 && written, "cannot write '" + path + "'");
}

}  // namespace

CertificateFiles make_self_signed(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  require(!error, "cannot make the directory '" + directory + "'");

  const Key ca_key = make_key();
  const Certificate ca = make_certificate("usersyncd-sim CA", ca_key.get());
  add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  sign(ca.get(), ca.get(), ca_key.get());

  const Key key = make_key();
  const Certificate certificate = make_certificate("localhost", key.get());
  add_extension(certificate.get(), ca.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
  add_extension(certificate.get(), ca.get(), NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), ca.get(), NID_authority_key_identifier, "keyid");
  sign(certificate.get(), ca.get(), ca_key.get());

  const CertificateFiles files{directory + "/server.pem", directory + "/server.key"};
  write_pem(directory + "/ca.pem", 0644, [&](std::FILE* file) { return PEM_write_X509(file, ca.get()); });
  write_pem(files.certificate, 0644,
            [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write_pem(files.key, 0600, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace usersyncd::sim
