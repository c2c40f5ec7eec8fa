// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/broker_check.h"

#include "net/connect_any.h"
#include "sinks/mqtt/client.h"
#include "sinks/mqtt/outcomes.h"
#include "sinks/mqtt/settings.h"

namespace vigile::mqtt_sink {

bool check_broker(const Options& options, const SinkEnvironment& environment, const CheckReport& report) {
  using Kind = CheckStep::Kind;
  const auto fail = [&](std::string name, std::string detail, std::string remedy) {
    report({Kind::failed, std::move(name), std::move(detail), std::move(remedy)});
    return false;
  };
  auto settings = read_settings(options, environment);
  if (!settings) return fail("settings", settings.error().message, "correct the settings");
  if (const auto files = check_files(*settings); !files) {
    return fail("certificates", files.error().message, "correct the file, or its path in the settings");
  }

  const Clock& clock = environment.clock;
  const auto addresses =
      net::resolve(settings->host, settings->port, {clock, clock.boot() + settings->connect_timeout});
  if (!addresses) {
    return fail("name resolution", addresses.error().message, "check the host in url and this device's DNS");
  }
  std::string texts;
  for (const net::Address& address : *addresses) texts += (texts.empty() ? "" : ", ") + address.text;
  report({Kind::ok, "name resolution",
          texts == settings->host ? texts + " needs none" : settings->host + " is " + texts, ""});

  std::string causes;
  bool reached = false;
  for (const net::Address& address : *addresses) {
    const std::string at = address.text + " port " + std::to_string(settings->port);
    const auto probe = net::connect_any({&address, 1}, {clock, clock.boot() + settings->connect_timeout});
    if (probe) {
      report({Kind::ok, "TCP connection", at, ""});
      reached = true;
      break;
    }
    causes += (causes.empty() ? "" : "; ") + at + ": " + probe.error().message;
  }
  if (!reached) return fail("TCP connection", causes, "check the port, that the broker runs, and firewalls");

  // A name of its own: the broker would end the daemon's connection for a second client of that name.
  settings->client_id += "-check";
  const std::string login = settings->tls ? "TLS and login" : "login";
  Mailbox mailbox(environment.clock);
  auto route =
      find_route(*settings, {environment.clock, environment.clock.boot() + settings->connect_timeout});
  if (!route) return fail("TCP connection", route.error().message, "check the network on the way");
  const auto client =
      Client::connect(*settings, std::move(*route), settings->keep_alive, StatusMessage{}, 1, mailbox);
  if (!client) return fail(login, client.error().message, "correct the settings");
  const auto event = mailbox.take(environment.clock.boot() + settings->connect_timeout, {});
  if (!event) {
    return fail(login, connect_failed(*settings, "no answer within connect_timeout").message,
                "check that an MQTT broker listens there, and whether it wants mqtts://");
  }
  if (event->kind == Event::Kind::connected) {
    report({Kind::ok, login,
            "the broker takes us as " + settings->client_id +
                (settings->user.empty() ? ", without a user" : ", user " + settings->user),
            ""});
    if ((*client)->disconnect(std::chrono::milliseconds(500))) {
      (void)mailbox.take(environment.clock.boot() + std::chrono::milliseconds(500), {});
    }
    return true;
  }
  if (event->code > 0) {
    return fail(login, connect_refused(*settings, event->code).message,
                std::string(remedy_of_refusal(event->code)));
  }
  return fail(login, connect_failed(*settings, "").message,
              settings->tls ? "check ca_file, the host's name in the certificate, and this device's clock"
                            : "check that an MQTT broker listens there, and whether it wants mqtts://");
}

}  // namespace vigile::mqtt_sink
