#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "daemon/base_url.hpp"
#include "sync/error.hpp"

namespace usersyncd {

/// The TLS settings of a client: certificates are always verified, TLS 1.2 at least. One context per process
/// and set of authorities: the same file gives the same context as long as anybody holds it. An empty
/// `ca_file` means the system's authorities; otherwise only those in the file count. Error of kind config
/// when it cannot be read.
Result<std::shared_ptr<boost::asio::ssl::context>> client_tls(const std::string& ca_file);

/// Makes a handshake name the host to the server and demand a certificate for exactly that name or address.
/// False: OpenSSL is out of memory.
bool expect_peer(SSL* ssl, const Origin& origin);

/// Why the handshake failed, in words that say what to do about it.
std::string explain_handshake_failure(SSL* ssl, const std::string& host, const std::string& cause);

}  // namespace usersyncd
