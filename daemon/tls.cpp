#include "daemon/tls.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <map>

namespace usersyncd {
namespace {

using Context = boost::asio::ssl::context;

Result<std::shared_ptr<Context>> make_context(const std::string& ca_file) {
  auto context = std::make_shared<Context>(Context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(boost::asio::ssl::verify_peer);
  boost::system::error_code error;
  if (ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(ca_file, error);
  }
  if (error) {
    const std::string what = ca_file.empty() ? "the system's certificate authorities" : ca_file;
    return Error{ErrorKind::config, "tls.caFile: cannot read " + what + ": " + error.message(), {}};
  }
  return context;
}

}  // namespace

Result<std::shared_ptr<Context>> client_tls(const std::string& ca_file) {
  static std::map<std::string, std::weak_ptr<Context>> contexts;
  if (auto context = contexts[ca_file].lock()) return context;
  auto context = make_context(ca_file);
  if (context) contexts[ca_file] = *context;
  return context;
}

bool expect_peer(SSL* ssl, const Origin& origin) {
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  if (origin.host_is_address) return X509_VERIFY_PARAM_set1_ip_asc(param, origin.host.c_str()) == 1;
  // The subject's common name is free text; only the list of alternative names counts.
  X509_VERIFY_PARAM_set_hostflags(param,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  // What the macro SSL_set_tlsext_host_name does, without its C cast.
  std::string name = origin.host;
  return X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

std::string explain_handshake_failure(SSL* ssl, const std::string& host, const std::string& cause) {
  const long verdict = SSL_get_verify_result(ssl);
  switch (verdict) {
    case X509_V_OK:
      return "TLS handshake with " + host + " failed (TLS 1.2 or newer is needed): " + cause;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate of " + host + " is for another name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate of " + host + " has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate of " + host + " is not valid yet; is the clock of this machine right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "unknown certificate authority for " + host + "; set tls.caFile";
    default:
      return "the certificate of " + host + " is not accepted: " + X509_verify_cert_error_string(verdict);
  }
}

}  // namespace usersyncd
