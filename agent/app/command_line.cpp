// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.h"

namespace vigile {

void describe(CLI::App& app, Arguments& arguments) {
  lay_out_help(app);
  app.name("vigiled");
  app.description("Samples equipment, keeps every reading, delivers it.");
  app.set_version_flag("--version", std::string("vigiled ") + VIGILE_VERSION);
  app.add_option(
         "--config,-c", arguments.config,
         "Settings file. Default: /etc/vigile/vigile.yaml; if there is none and INFLUXDB_URL is set, this "
         "host is watched and delivered there (INFLUXDB_TOKEN, INFLUXDB_ORG, INFLUXDB_BUCKET).")
      ->type_name("FILE");
  app.add_flag("--check", arguments.check,
               "Check the settings: print all errors with their places and exit 2, or print what would run "
               "and exit 0.");
  app.add_option("--with", arguments.with,
                 "With --check: lay the settings of this file over, as if they had arrived from the broker. "
                 "They need not be signed.")
      ->type_name("FILE")
      ->needs("--check");
  app.add_flag("--each-device", arguments.each_device,
               "With --check: check them for each device that `devices` names, not for this one.")
      ->needs("--check")
      ->excludes("--with");
  app.add_option("--log-level", arguments.log_level, "error, warning, notice, info or debug")
      ->check(one_of({"error", "warning", "notice", "info", "debug"}))
      ->capture_default_str();
  app.footer(
      "Signals: SIGHUP reloads the settings, SIGTERM and SIGINT end it cleanly.\n"
      "Exit status: 0 ended cleanly, 1 could not start, 2 wrong settings or usage.");
}

}  // namespace vigile
