// SPDX-License-Identifier: Apache-2.0
#include "remote/signed_settings.h"

#include <charconv>
#include <optional>
#include <utility>

namespace vigile {

namespace {

constexpr std::string_view kFormat = "# vigile-settings 1\n";
constexpr std::string_view kSerial = "# serial: ";
constexpr std::string_view kFor = "# for: ";
constexpr std::string_view kSignature = "# signature: ";
constexpr std::uint64_t kHighestSerial = INT64_MAX;
constexpr std::size_t kLongestRecipients = 520;

std::optional<std::uint64_t> parse_serial(std::string_view text) {
  std::uint64_t serial = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), serial);
  const bool is_plain = !text.empty() && text.front() >= '1' && text.front() <= '9';
  if (!is_plain || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      serial > kHighestSerial)
    return std::nullopt;
  return serial;
}

bool is_level(std::string_view text) {
  if (text == "+") return true;
  if (text.empty() || text.find_first_of("+#/\\") != std::string_view::npos) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
  }
  return true;
}

bool are_recipients(std::string_view text) {
  const std::size_t slash = text.find('/');
  return text.size() <= kLongestRecipients && slash != std::string_view::npos &&
         is_level(text.substr(0, slash)) && is_level(text.substr(slash + 1));
}

// Cuts "<begin>…\n" off `rest` and returns what is between; absent when `rest` does not begin so.
std::optional<std::string_view> cut_line(std::string_view& rest, std::string_view begin) {
  const std::size_t end = rest.find('\n');
  if (!rest.starts_with(begin) || end == std::string_view::npos) return std::nullopt;
  const std::string_view between = rest.substr(begin.size(), end - begin.size());
  rest.remove_prefix(end + 1);
  return between;
}

struct Parts {
  std::uint64_t serial = 0;
  std::string_view recipients;
  std::string_view signature;
  std::string_view yaml;
};

Result<Parts> parse(std::string_view text) {
  const auto wrong = [](int line, std::string_view expected) {
    return Error{ErrorKind::parse, "line " + std::to_string(line) + ": expected \"" + std::string(expected) +
                                       "\", as `vigilectl settings sign` writes it"};
  };
  if (text.size() > kLargestSignedSettings) return Error{ErrorKind::full, "larger than 1 MiB"};
  Parts parts;
  if (!text.starts_with(kFormat)) return wrong(1, kFormat.substr(0, kFormat.size() - 1));
  text.remove_prefix(kFormat.size());
  const auto serial = cut_line(text, kSerial);
  const auto number = serial ? parse_serial(*serial) : std::nullopt;
  if (!number) return wrong(2, "# serial: <a whole number from 1>");
  parts.serial = *number;
  const auto recipients = cut_line(text, kFor);
  if (!recipients || !are_recipients(*recipients)) return wrong(3, "# for: <site>/<device>");
  parts.recipients = *recipients;
  const auto signature = cut_line(text, kSignature);
  if (!signature) return wrong(4, "# signature: <base64>");
  parts.signature = *signature;
  parts.yaml = text;
  return parts;
}

std::string signed_part(std::uint64_t serial, std::string_view recipients, std::string_view yaml) {
  std::string text(kFormat);
  text.append(kSerial).append(std::to_string(serial)).append("\n");
  text.append(kFor).append(recipients).append("\n");
  return text.append(yaml);
}

}  // namespace

bool SignedSettings::is_for(std::string_view site, std::string_view device) const {
  const std::string_view all = recipients;
  const std::size_t slash = all.find('/');
  const std::string_view sites = all.substr(0, slash);
  const std::string_view devices = all.substr(slash + 1);
  return (sites == "+" || sites == site) && (devices == "+" || devices == device);
}

Result<SignedSettings> read_signed_settings(std::string_view text, const PublicKeys& keys) {
  const auto parts = parse(text);
  if (!parts) return parts.error();
  if (!keys.verify(signed_part(parts->serial, parts->recipients, parts->yaml), parts->signature)) {
    return Error{ErrorKind::permission,
                 "the signature is of none of the public keys, or the text was changed"};
  }
  return SignedSettings{parts->serial, std::string(parts->recipients), std::string(text)};
}

Result<std::string> sign_settings(std::string_view yaml, std::uint64_t serial, std::string_view recipients,
                                  const std::filesystem::path& private_key_file) {
  if (serial < 1 || serial > kHighestSerial)
    return Error{ErrorKind::config, "serial: must be from 1 to " + std::to_string(kHighestSerial)};
  if (!are_recipients(recipients)) {
    return Error{ErrorKind::config,
                 "for: expected <site>/<device>, like 12/press-07, or 12/+ for all of site 12"};
  }
  if (const auto again = parse(yaml)) yaml = again->yaml;
  const std::string text = signed_part(serial, recipients, yaml);
  const auto signature = sign(text, private_key_file);
  if (!signature) return signature.error();
  const std::string line = std::string(kSignature) + *signature + "\n";
  if (text.size() + line.size() > kLargestSignedSettings) return Error{ErrorKind::full, "larger than 1 MiB"};
  const std::size_t head = text.size() - yaml.size();
  return text.substr(0, head) + line + text.substr(head);
}

}  // namespace vigile
