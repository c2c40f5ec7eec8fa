// SPDX-License-Identifier: Apache-2.0
// Signatures and the four lines above the settings.
#include "remote/signed_settings.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/file.h"
#include "support/settings_keys.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kYaml = "# wider\nstore: {max_size: 64MiB}\n";

class SignedSettingsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    keys_ = new SettingsKeys;
    others_ = new SettingsKeys;
  }
  static void TearDownTestSuite() {
    delete keys_;
    delete others_;
  }
  static PublicKeys read(const SettingsKeys& keys) {
    auto read = PublicKeys::read(keys.public_key());
    EXPECT_TRUE(read) << read.error().message;
    return std::move(*read);
  }
  static std::string made(std::uint64_t serial = 7, std::string_view recipients = "12/+") {
    const auto text = sign_settings(kYaml, serial, recipients, keys_->private_key());
    EXPECT_TRUE(text) << text.error().message;
    return *text;
  }
  static std::string refusal(const std::string& text) {
    const auto settings = read_signed_settings(text, read(*keys_));
    return settings ? "" : settings.error().message;
  }
  static std::string with(std::string text, std::string_view what, std::string_view instead) {
    const std::size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), instead);
  }

  static SettingsKeys* keys_;
  static SettingsKeys* others_;
};
SettingsKeys* SignedSettingsTest::keys_ = nullptr;
SettingsKeys* SignedSettingsTest::others_ = nullptr;

TEST_F(SignedSettingsTest, WhatIsSignedReadsAsItWas) {
  const std::string text = made();
  EXPECT_THAT(text, StartsWith("# vigile-settings 1\n# serial: 7\n# for: 12/+\n# signature: "));
  EXPECT_TRUE(text.ends_with("==\n" + std::string(kYaml)));
  const auto settings = read_signed_settings(text, read(*keys_));
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->serial, 7u);
  EXPECT_EQ(settings->text, text);
  // Signed again it has one head, not two.
  EXPECT_EQ(sign_settings(text, 7, "12/+", keys_->private_key()).value_or(""), text);
}

TEST_F(SignedSettingsTest, OpensslSignsTheSame) {
  const std::string text = made();
  const std::size_t line = text.find("# signature: ");
  const std::size_t end = text.find('\n', line);
  std::ofstream(keys_->file("signed")) << text.substr(0, line) + text.substr(end + 1);
  run_shell("openssl pkeyutl -sign -rawin -inkey " + keys_->private_key().string() + " -in " +
            keys_->file("signed").string() + " -out " + keys_->file("signature").string());
  run_shell("openssl base64 -A -in " + keys_->file("signature").string() + " -out " +
            keys_->file("base64").string());
  EXPECT_EQ(text.substr(line, end - line), "# signature: " + *read_file(keys_->file("base64")));
}

TEST_F(SignedSettingsTest, AnyChangeIsSeen) {
  const std::string text = made();
  ASSERT_EQ(refusal(text), "");
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(refusal(changed), "") << "byte " << i;
  }
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_NE(refusal(text.substr(0, size)), "");
  EXPECT_THAT(refusal(text + "\n"), HasSubstr("the signature is of none of the public keys"));
  EXPECT_THAT(refusal(with(text, "7", "8")), HasSubstr("or the text was changed"));
}

TEST_F(SignedSettingsTest, AnyKeyOfTheFileCounts) {
  const std::string text = made();
  EXPECT_FALSE(read_signed_settings(text, read(*others_)));
  const auto both = keys_->file("both.pub");
  std::ofstream(both) << "the old one\n"
                      << *read_file(others_->public_key()) << "\nthe new one\n"
                      << *read_file(keys_->public_key()) << "\n";
  const auto keys = PublicKeys::read(both);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_TRUE(read_signed_settings(text, *keys));
}

TEST_F(SignedSettingsTest, ABadHeadSaysWhatWouldBeRight) {
  const std::string text = made();
  EXPECT_THAT(refusal("store: {}\n"), HasSubstr("line 1: expected \"# vigile-settings 1\""));
  EXPECT_THAT(refusal(with(text, "settings 1", "settings 2")), HasSubstr("line 1"));
  for (const char* const serial : {"0", "07", "-1", "7 ", "", "9223372036854775808", "18446744073709551616"})
    EXPECT_THAT(refusal(with(text, "serial: 7", "serial: " + std::string(serial))),
                HasSubstr("line 2: expected \"# serial: <a whole number from 1>"));
  for (const char* const recipients : {"", "12", "/", "12/", "/a", "12/a/b", "12/#", "12/a+", "a\r/b"})
    EXPECT_THAT(refusal(with(text, "12/+", recipients)), HasSubstr("line 3: expected")) << recipients;
  EXPECT_THAT(refusal(with(text, "# signature", "# Signature")), HasSubstr("line 4"));
  EXPECT_THAT(refusal(with(text, "==\n", "=\n")), HasSubstr("the signature is of none"));
  EXPECT_THAT(refusal(std::string(kLargestSignedSettings + 1, '#')), HasSubstr("larger than 1 MiB"));
}

TEST_F(SignedSettingsTest, RecipientsAreOneOrAll) {
  const auto settings = [&](std::string_view recipients) {
    return SignedSettings{1, std::string(recipients), ""};
  };
  EXPECT_TRUE(settings("12/press-07").is_for("12", "press-07"));
  EXPECT_FALSE(settings("12/press-07").is_for("12", "press-08"));
  EXPECT_FALSE(settings("12/press-07").is_for("13", "press-07"));
  EXPECT_TRUE(settings("12/+").is_for("12", "press-08"));
  EXPECT_FALSE(settings("12/+").is_for("13", "press-08"));
  EXPECT_TRUE(settings("+/+").is_for("13", "x"));
  EXPECT_TRUE(settings("+/x").is_for("13", "x"));
}

TEST_F(SignedSettingsTest, WrongKeysAndValuesSaySo) {
  const auto no_key = keys_->file("none.pub");
  std::ofstream(no_key) << "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const auto rsa = keys_->file("rsa.key");
  run_shell("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out " + rsa.string());
  run_shell("openssl pkey -in " + rsa.string() + " -pubout -out " + rsa.string() + ".pub");
  const auto locked = keys_->file("locked.key");
  run_shell("openssl pkey -aes256 -passout pass:x -in " + keys_->private_key().string() + " -out " +
            locked.string());
  const auto of_file = [](const auto& result) { return result ? "" : result.error().message; };
  EXPECT_THAT(of_file(PublicKeys::read(no_key)), HasSubstr("none.pub: expected public keys in PEM"));
  EXPECT_THAT(of_file(PublicKeys::read(keys_->private_key())), HasSubstr("expected public keys"));
  EXPECT_THAT(of_file(PublicKeys::read(rsa.string() + ".pub")), HasSubstr("not Ed25519"));
  EXPECT_THAT(of_file(PublicKeys::read(keys_->file("absent"))), HasSubstr("No such file"));
  EXPECT_THAT(of_file(sign_settings(kYaml, 1, "12/+", rsa)), HasSubstr("not Ed25519"));
  EXPECT_THAT(of_file(sign_settings(kYaml, 1, "12/+", locked)), HasSubstr("without a passphrase"));
  EXPECT_THAT(of_file(sign_settings(kYaml, 1, "12/+", keys_->public_key())), HasSubstr("private key"));
  EXPECT_THAT(of_file(sign_settings(kYaml, 0, "12/+", keys_->private_key())), HasSubstr("serial: must be"));
  EXPECT_THAT(of_file(sign_settings(kYaml, 1, "12", keys_->private_key())),
              HasSubstr("for: expected <site>/<device>"));
  EXPECT_THAT(
      of_file(sign_settings(std::string(kLargestSignedSettings, '#'), 1, "+/+", keys_->private_key())),
      HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace vigile
