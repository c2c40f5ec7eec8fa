// SPDX-License-Identifier: Apache-2.0
#include "drivers/certificate/x509.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/certificate_date.h"
#include "core/deleter.h"
#include "net/connect_any.h"

namespace vigile::certificate {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlice{100};
constexpr std::size_t kLongestName = 256;

using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Deleter<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

std::string to_text(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  std::string text;
  for (long i = 0; i < size && text.size() < kLongestName; ++i)
    text += static_cast<unsigned char>(data[i]) < ' ' ? '?' : data[i];
  return text;
}

// By its text, as http gets it from libcurl: one reader for both. 1970 when it is none.
std::chrono::sys_seconds to_date(const ASN1_TIME* time) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (time == nullptr || ASN1_TIME_print(bio.get(), time) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return parse_certificate_date({data, static_cast<std::size_t>(size)}).value_or(std::chrono::sys_seconds{});
}

Certificate describe(const X509* x509) {
  Certificate certificate;
  certificate.not_before = to_date(X509_get0_notBefore(x509));
  certificate.not_after = to_date(X509_get0_notAfter(x509));
  certificate.subject = to_text(X509_get_subject_name(x509));
  certificate.issuer = to_text(X509_get_issuer_name(x509));
  BIGNUM* const serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nullptr);
  if (serial != nullptr) {
    char* const hex = BN_bn2hex(serial);
    if (hex != nullptr) certificate.serial = std::string(hex).substr(0, kLongestName);
    OPENSSL_free(hex);
    BN_free(serial);
  }
  return certificate;
}

std::string last_cause() {
  const unsigned long code = ERR_peek_last_error();
  const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "the connection is ended" : text;
}

class Asking {
 public:
  Asking(const Target& target, const Clock& clock, BootTime deadline, std::stop_token stop)
      : target_(target), clock_(clock), deadline_(deadline), stop_(std::move(stop)) {}

  Result<Certificate> run() {
    ERR_clear_error();
    const BootTime begin = clock_.boot();
    auto connected = net::connect_any(target_.host, target_.port, {clock_, deadline_, stop_});
    if (!connected) return Error{connected.error().kind, target_.shown + ": " + connected.error().message};
    fd_ = std::move(connected->fd);
    const Context context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fault("TLS: " + last_cause());
    // Whatever it is, it is to be looked at; what is wrong with it is asked afterwards.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    const int loaded = target_.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(context.get())
                           : SSL_CTX_load_verify_locations(context.get(), target_.ca_file.c_str(), nullptr);
    if (loaded != 1)
      return Error{ErrorKind::not_found, "ca_file: " + target_.ca_file + ": is no PEM file of certificates"};
    const Connection ssl(SSL_new(context.get()));
    in_addr address{};
    in6_addr address6{};
    const bool is_address = ::inet_pton(AF_INET, target_.server_name.c_str(), &address) == 1 ||
                            ::inet_pton(AF_INET6, target_.server_name.c_str(), &address6) == 1;
    if (!is_address) SSL_set_tlsext_host_name(ssl.get(), target_.server_name.c_str());
    SSL_set_fd(ssl.get(), fd_.get());
    if (auto shaken = shake_hands(ssl.get()); !shaken) return shaken.error();
    const X509Ptr x509(SSL_get1_peer_certificate(ssl.get()));
    if (!x509) return fault("shows no certificate");
    Certificate certificate = describe(x509.get());
    certificate.connect_ms = std::chrono::duration<double, std::milli>(clock_.boot() - begin).count();
    if (const long result = SSL_get_verify_result(ssl.get()); result != X509_V_OK)
      certificate.distrust = X509_verify_cert_error_string(result);
    certificate.names_match =
        is_address ? X509_check_ip_asc(x509.get(), target_.server_name.c_str(), 0) == 1
                   : X509_check_host(x509.get(), target_.server_name.c_str(), 0, 0, nullptr) == 1;
    SSL_shutdown(ssl.get());
    return certificate;
  }

 private:
  Error fault(const std::string& what) const {
    return Error{ErrorKind::unavailable, target_.shown + ": " + what};
  }
  Error late() const { return Error{ErrorKind::timeout, target_.shown + ": no answer"}; }

  bool wait(short events) const {
    while (!stop_.stop_requested()) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - clock_.boot());
      if (left <= milliseconds(0)) return false;
      pollfd wanted{fd_.get(), events, 0};
      if (::poll(&wanted, 1, static_cast<int>(std::min(left, kSlice).count())) > 0) return true;
    }
    return false;
  }

  Result<void> shake_hands(SSL* ssl) {
    for (;;) {
      const int done = SSL_connect(ssl);
      if (done == 1) return {};
      const int why = SSL_get_error(ssl, done);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        // A server that asks for our certificate has shown its own by then.
        if (SSL_get0_peer_certificate(ssl) != nullptr) return {};
        return fault("TLS: " + last_cause());
      }
      if (!wait(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)) return late();
    }
  }

  const Target& target_;
  const Clock& clock_;
  const BootTime deadline_;
  const std::stop_token stop_;
  UniqueFd fd_;
};

}  // namespace

Result<Certificate> ask_server(const Target& target, const Clock& clock, BootTime deadline,
                               std::stop_token stop) {
  return Asking(target, clock, deadline, std::move(stop)).run();
}

Result<Certificate> read_pem_file(const std::string& path) {
  ERR_clear_error();
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (!file) {
    const int cause = errno;
    const ErrorKind kind = cause == ENOENT   ? ErrorKind::not_found
                           : cause == EACCES ? ErrorKind::permission
                                             : ErrorKind::io;
    return Error{kind, path + ": " + std::strerror(cause)};
  }
  const X509Ptr x509(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  if (!x509)
    return Error{ErrorKind::parse, path + ": holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"};
  return describe(x509.get());
}

}  // namespace vigile::certificate
