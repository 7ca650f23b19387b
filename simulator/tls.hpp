#pragma once

#include <string>

namespace usersyncd::sim {

struct CertificateFiles {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM
};

/// Makes a certificate authority and a certificate for localhost, 127.0.0.1 and ::1 that it signed, valid for
/// a year, and writes ca.pem, server.pem and server.key into the directory, which is created if need be.
/// Throws InputError.
CertificateFiles make_self_signed(const std::string& directory);

}  // namespace usersyncd::sim
