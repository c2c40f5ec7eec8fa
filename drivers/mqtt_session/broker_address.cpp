// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt_session/broker_address.h"

#include <algorithm>
#include <charconv>

#include "drivers/line_text/line_text.h"

namespace vigile::mqtt_session {

Result<BrokerAddress> parse_broker_address(std::string_view text) {
  const Error wrong{ErrorKind::config,
                    "url: " + shown_text(text) + " is not like mqtt://host:1883 or mqtts://host:8883"};
  BrokerAddress address;
  address.is_tls = text.starts_with("mqtts://");
  if (!address.is_tls && !text.starts_with("mqtt://")) return wrong;
  address.shown = text;
  std::string_view rest = text.substr(address.is_tls ? 8 : 7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.size() > 255 || rest.find_first_of("/@?# \\") != std::string_view::npos) return wrong;
  std::string_view port = address.is_tls ? "8883" : "1883";
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) return wrong;
  const std::size_t colon = rest.find(':', bracket);
  if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  address.host = rest.substr(0, colon);
  if (rest.starts_with('[')) {
    if (bracket + 1 != std::min(colon, rest.size())) return wrong;
    address.host = rest.substr(1, bracket - 1);
  }
  unsigned number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (address.host.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() ||
      number < 1 || number > 65535) {
    return wrong;
  }
  address.port = static_cast<std::uint16_t>(number);
  return address;
}

}  // namespace vigile::mqtt_session
