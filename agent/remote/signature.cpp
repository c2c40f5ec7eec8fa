// SPDX-License-Identifier: Apache-2.0
#include "remote/signature.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/deleter.h"
#include "core/file.h"

namespace vigile {

namespace {

constexpr std::size_t kLargestKeyFile = std::size_t{64} << 10;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kSignatureText = 88;  // in base64

using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Reads `text`, which must outlive it.
BioPtr reader_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Error wrong(const std::filesystem::path& file, std::string_view what) {
  ERR_clear_error();
  return Error{ErrorKind::config, file.string() + ": " + std::string(what)};
}

int no_passphrase(char*, int, int, void*) {
  return -1;
}

std::string encode_base64(std::string_view text) {
  std::string encoded((text.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), bytes(text),
                  static_cast<int>(text.size()));
  encoded.pop_back();
  return encoded;
}

std::optional<std::string> decode_signature(std::string_view text) {
  if (text.size() != kSignatureText) return std::nullopt;
  std::string decoded(kSignatureText / 4 * 3, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(decoded.data());
  if (EVP_DecodeBlock(out, bytes(text), static_cast<int>(text.size())) < 0) return std::nullopt;
  decoded.resize(kSignatureBytes);
  if (encode_base64(decoded) != text) return std::nullopt;  // there is one way to write each
  return decoded;
}

}  // namespace

std::string_view signatures_missing() {
  return {};
}

struct PublicKeys::Keys {
  std::vector<Key> keys;
};

PublicKeys::PublicKeys(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
PublicKeys::PublicKeys(PublicKeys&&) noexcept = default;
PublicKeys& PublicKeys::operator=(PublicKeys&&) noexcept = default;
PublicKeys::~PublicKeys() = default;

Result<PublicKeys> PublicKeys::read(const std::filesystem::path& file) {
  const auto pem = read_file(file, kLargestKeyFile);
  if (!pem) return pem.error();
  const BioPtr bio = reader_of(*pem);
  auto keys = std::make_unique<Keys>();
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    const bool got = PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1;
    const unsigned char* der = data;
    Key key(got && std::string_view(name) == "PUBLIC KEY" ? d2i_PUBKEY(nullptr, &der, size) : nullptr);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    const bool at_end =
        !got && !keys->keys.empty() && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (at_end) break;
    if (!key) return wrong(file, "expected public keys in PEM, as `openssl pkey -pubout` writes them");
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
      return wrong(file, "holds a public key that is not Ed25519");
    keys->keys.push_back(std::move(key));
  }
  ERR_clear_error();
  return PublicKeys(std::move(keys));
}

bool PublicKeys::verify(std::string_view text, std::string_view signature) const {
  const auto decoded = decode_signature(signature);
  if (!decoded) return false;
  const bool verified = std::any_of(keys_->keys.begin(), keys_->keys.end(), [&](const Key& key) {
    const DigestContext context(EVP_MD_CTX_new());
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(*decoded), decoded->size(), bytes(text), text.size()) == 1;
  });
  ERR_clear_error();
  return verified;
}

Result<std::string> sign(std::string_view text, const std::filesystem::path& private_key_file) {
  auto pem = read_file(private_key_file, kLargestKeyFile);
  if (!pem) return pem.error();
  const BioPtr bio = reader_of(*pem);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr));
  OPENSSL_cleanse(pem->data(), pem->size());
  if (!key) {
    return wrong(
        private_key_file,
        "expected a private key in PEM without a passphrase, as `openssl genpkey -algorithm ed25519` "
        "writes it");
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
    return wrong(private_key_file, "holds a private key that is not Ed25519");
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), out, &size, bytes(text), text.size()) != 1 || size != kSignatureBytes)
    return wrong(private_key_file, "OpenSSL cannot sign with it");
  return encode_base64(signature);
}

}  // namespace vigile
