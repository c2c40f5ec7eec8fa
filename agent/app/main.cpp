// SPDX-License-Identifier: Apache-2.0
// vigiled: reads the settings, runs the agent until a signal says otherwise.
#include <malloc.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include "app/agent.h"
#include "app/assembly.h"
#include "app/command_line.h"
#include "app/limit_check.h"
#include "app/starting_settings.h"
#include "app/startup_pages.h"
#include "catalog/catalog.h"
#include "core/file.h"
#include "core/logging.h"
#include "core/unique_fd.h"
#include "core/units.h"
#include "settings/effective.h"
#include "settings/settings.h"

namespace vigile {
namespace {

constexpr auto kShutdownLimit = std::chrono::milliseconds(4500);

// Decided here and nowhere else.
enum ExitStatus { kFine = 0, kFailed = 1, kUsage = 2 };

void print(const std::vector<SettingsError>& problems, const char* kind) {
  for (const SettingsError& problem : problems) {
    std::fprintf(stderr, "%s: %s\n", to_string(problem).c_str(), kind);
  }
}

log::Level log_level(const std::string& name) {
  if (name == "error") return log::Level::error;
  if (name == "warning") return log::Level::warning;
  if (name == "notice") return log::Level::notice;
  if (name == "debug") return log::Level::debug;
  return log::Level::info;
}

// A board with 64 MB has no room for an arena a thread.
void keep_heap_small() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 128 << 10);
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, number);
  return signals;
}

// Returns when a signal asks to stop.
void serve(Agent& agent, ServiceManager& manager, int signal_fd) {
  const auto watchdog_every = manager.watchdog_every();
  const int timeout_ms =
      watchdog_every ? int(std::chrono::duration_cast<std::chrono::milliseconds>(*watchdog_every).count())
                     : -1;
  log::Repeated stall("agent");
  for (;;) {
    pollfd waiting{signal_fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (watchdog_every) {
      if (const auto why = agent.stalled()) {
        stall.failed("makes no progress: " + *why, log::Level::error);
      } else {
        stall.succeeded();
        manager.watchdog();
        manager.status(agent.summary());
      }
    }
    if (ready <= 0) continue;
    signalfd_siginfo info{};
    if (::read(signal_fd, &info, sizeof info) != sizeof info) continue;
    switch (info.ssi_signo) {
      case SIGHUP:
        (void)agent.reload();
        break;  // it logs what came of it
      case SIGUSR1:
        agent.restart_askers();
        break;
      default:
        log::info("stopping: " + std::string(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM"));
        return;
    }
  }
}

LoadedSettings load_to_check(const SettingsSource& source, const std::string& with) {
  if (with.empty()) return source.load();
  LoadedSettings loaded = source.load_with([&](const Settings&) -> Result<std::optional<SettingsLayer>> {
    auto yaml = read_file(with);
    if (!yaml) return yaml.error();
    return std::optional(SettingsLayer{with, std::move(*yaml)});
  });
  if (loaded.settings && !loaded.settings->remote)
    loaded.errors.push_back({{source.file}, "remote_settings is missing: nothing arrives to be laid over"});
  if (!loaded.errors.empty()) loaded.settings.reset();
  return loaded;
}

// All that --check looks at, beyond what reading the file does.
void check(LoadedSettings& loaded, const Clock& clock) {
  if (!loaded.settings) return;
  loaded.errors = check_assembly(*loaded.settings, clock);
  if (loaded.errors.empty()) check_driver_files(*loaded.settings, loaded.errors, loaded.warnings);
  for (const SettingsError& problem : limits_on_nothing(*loaded.settings)) loaded.errors.push_back(problem);
  for (const SettingsError& problem : rules_without_effect(*loaded.settings))
    loaded.warnings.push_back(problem);
}

// What is wrong on several devices is told once, with the first of them.
int check_each_device(const SettingsSource& source) {
  std::set<std::string> told;
  std::string names;
  bool all_fine = true;
  for (auto& [device, loaded] : source.load_each_device()) {
    names += (names.empty() ? "" : ", ") + device;
    check(loaded, SystemClock());
    all_fine = all_fine && loaded.errors.empty();
    for (const auto& [problems, kind] : {std::pair(&loaded.warnings, "warning"), {&loaded.errors, "error"}}) {
      std::erase_if(*problems,
                    [&](const SettingsError& problem) { return !told.insert(to_string(problem)).second; });
      for (SettingsError& problem : *problems) problem.message += " (on " + device + ")";
      print(*problems, kind);
    }
  }
  if (names.empty()) {
    const LoadedSettings loaded = source.load_with({});
    print(loaded.errors, "error");
    if (loaded.errors.empty()) std::fprintf(stderr, "the settings name no devices: error\n");
    return kUsage;
  }
  if (all_fine) std::cout << "without errors on " << names << "\n";
  return all_fine ? kFine : kUsage;
}

int run(const Arguments& arguments) {
  const SettingsSource source = find_settings(arguments.config);
  if (arguments.each_device) return check_each_device(source);
  ::umask(0027);
  LoadedSettings loaded =
      arguments.check ? load_to_check(source, arguments.with) : load_starting_settings(source);
  SystemClock clock(loaded.settings && loaded.settings->require_clock_sync);
  if (arguments.check) {
    check(loaded, clock);
  } else if (loaded.settings) {  // what would be an error of the check does not keep a site from starting
    for (const SettingsError& problem : limits_on_nothing(*loaded.settings))
      loaded.warnings.push_back(problem);
    for (const SettingsError& problem : rules_without_effect(*loaded.settings))
      loaded.warnings.push_back(problem);
  }
  print(loaded.warnings, "warning");
  if (!loaded.errors.empty()) {
    print(loaded.errors, "error");
    return kUsage;
  }
  if (arguments.check) {
    if (loaded.files.size() > 1) {
      std::cout << "files:\n";
      for (const std::string& file : loaded.files) std::cout << "  " << file << "\n";
    }
    std::cout << effective_text(*loaded.settings, built_in_catalog());
    return kFine;
  }

  keep_heap_small();
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is started
  const UniqueFd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));

  ServiceManager manager;
  auto started =
      Agent::start({std::move(*loaded.settings), source, manager.inherited_socket()}, clock, manager);
  if (!started) {
    log::error("cannot start: " + started.error().message);
    return kFailed;
  }
  Agent& agent = **started;
  manager.ready(agent.summary());
  release_startup_pages();
  serve(agent, manager, signal_fd.get());
  manager.stopping();
  if (!agent.stop(kShutdownLimit)) ::_exit(kFine);  // what hangs cannot be joined; all readings are committed
  return kFine;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  vigile::Arguments arguments;
  CLI::App app;
  vigile::describe(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return vigile::answer_parse_error(app, error);
  }
  vigile::log::set_level(vigile::log_level(arguments.log_level));
  return vigile::run(arguments);
}
