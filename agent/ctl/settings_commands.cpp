// SPDX-License-Identifier: Apache-2.0
// vigilectl settings: what is published for devices that take settings from a broker. Needs no daemon.
#include <iostream>

#include "core/file.h"
#include "ctl/commands.h"
#include "remote/signed_settings.h"

namespace vigile {

namespace {

Result<std::string> read_input(const std::string& file) {
  if (file != "-") return read_file(file, kLargestSignedSettings);
  std::string text;
  char buffer[4096];
  while (std::cin.read(buffer, sizeof buffer) || std::cin.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > kLargestSignedSettings)
      return Error{ErrorKind::full, "standard input: larger than 1 MiB"};
  }
  return text;
}

int wrong(const Error& error) {
  complain(error.message);
  return kUsage;
}

}  // namespace

int sign_settings_command(const CommandContext&, const SignOptions& options) {
  const auto yaml = read_input(options.file);
  if (!yaml) return wrong(yaml.error());
  const auto text = sign_settings(*yaml, options.serial, options.recipients, options.key);
  if (!text) return wrong(text.error());
  std::cout << *text << std::flush;
  return std::cout ? kFine : kAnswerIsNo;
}

int verify_settings_command(const CommandContext& context, const SignOptions& options) {
  const auto text = read_input(options.file);
  if (!text) return wrong(text.error());
  const auto keys = PublicKeys::read(options.key);
  if (!keys) return wrong(keys.error());
  const auto settings = read_signed_settings(*text, *keys);
  if (!settings) {
    complain(settings.error().message);
    return kAnswerIsNo;
  }
  print_foreign(context,
                "serial " + std::to_string(settings->serial) + ", for " + settings->recipients + "\n");
  return kFine;
}

}  // namespace vigile
