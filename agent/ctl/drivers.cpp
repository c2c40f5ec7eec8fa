// SPDX-License-Identifier: Apache-2.0
// vigilectl drivers: list, show. They print the daemon's answer; without a daemon, what this program was
// built with.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "catalog/driver_descriptions.h"
#include "ctl/commands.h"
#include "ctl/driver_samples.h"
#include "ctl/json_access.h"

namespace vigile {

namespace {

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Of this program's build, as the daemon would answer.
Answer built_in_driver(const std::string& name) {
  const auto drivers = describe_drivers();
  for (const DriverDescription& driver : drivers) {
    if (driver.name == name) return {200, to_text(driver_json(driver))};
  }
  return {404, to_text({{"error", no_such_driver(name, drivers)}})};
}

}  // namespace

int drivers_command(const CommandContext& context) {
  const auto answer = context.client.request("GET", "/api/agent/drivers");
  if (answer && !answer->fine()) return refuse(*answer);
  auto all = answer ? parse_object(answer->body) : Result<Json>(driver_list_json(describe_drivers()));
  if (!all) return fail(all.error());
  if (answer) {
    const auto status = context.client.request("GET", "/api/agent/status");
    if (!status) return fail(status.error());
    if (!status->fine()) return refuse(*status);
    const auto body = parse_object(status->body);
    if (!body) return fail(body.error());
    (*all)["instances"] = at(*body, "drivers");
  }
  if (context.json) {
    print_foreign(context, to_text(*all));
  } else {
    const auto screen = render_drivers(to_text(*all), context.style);
    if (!screen) return fail(screen.error());
    print_screen(*screen);
  }
  // Without a daemon the drivers that are built in are known; what runs is not.
  return answer ? kFine : fail(answer.error());
}

int driver_command(const CommandContext& context, const std::string& name) {
  const auto asked = context.client.request("GET", "/api/agent/drivers/" + percent_encode(name));
  const Answer answer = asked ? *asked : built_in_driver(name);
  if (!answer.fine()) return refuse(answer);
  auto driver = parse_object(answer.body);
  if (!driver) return fail(driver.error());
  (*driver)["sample"] = driver_sample(name);
  if (context.json) {
    print_foreign(context, to_text(*driver));
    return kFine;
  }
  const auto screen = render_driver(to_text(*driver), context.style);
  if (!screen) return fail(screen.error());
  print_screen(*screen);
  return kFine;
}

}  // namespace vigile
