// SPDX-License-Identifier: Apache-2.0
// vigilectl support: what somebody else needs to see what is wrong, in one archive without secrets.
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <zlib.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/units.h"
#include "ctl/archive.h"
#include "ctl/commands.h"
#include "ctl/json_access.h"
#include "drivers/program/program.h"
#include "settings/effective.h"
#include "settings/redacted.h"
#include "store/inspection_json.h"

namespace vigile {

namespace {

constexpr std::size_t kMostBytes = std::size_t{8} << 20;  // of one file
constexpr auto kPatience = std::chrono::seconds(10);

class Collection {
 public:
  void add(std::string name, std::string content) {
    files_.emplace_back(std::move(name), std::move(content));
  }
  void leave_out(const std::string& name, const std::string& why) { left_out_ += name + ": " + why + "\n"; }
  void add(const std::string& name, const Result<std::string>& content) {
    if (content) {
      add(name, *content);
    } else {
      leave_out(name, content.error().message);
    }
  }

  Result<void> write(const std::string& path, const std::vector<std::string>& secrets,
                     std::int64_t now_s) const {
    auto archive = Archive::create(path);
    if (!archive) return archive.error();
    std::string manifest = "What is in here, without secrets:\n";
    for (const auto& [name, content] : files_)
      manifest += "  " + name + ", " + std::to_string(content.size()) + " bytes\n";
    if (!left_out_.empty()) manifest += "\nLeft out:\n" + left_out_;
    const auto put = [&](const std::string& name, const std::string& content) {
      return archive->add("vigile-support/" + name, without_secrets(content, secrets), now_s);
    };
    if (auto done = put("manifest.txt", manifest); !done) return done;
    for (const auto& [name, content] : files_) {
      if (auto done = put(name, content); !done) return done;
    }
    return archive->finish();
  }

 private:
  std::vector<std::pair<std::string, std::string>> files_;
  std::string left_out_;
};

// What a program prints; within ten seconds.
Result<std::string> output_of(std::vector<std::string> command) {
  program::ProgramOptions options;
  options.command = std::move(command);
  options.path = program::kPath;
  options.environment = {"PATH=" + std::string(program::kPath), "LC_ALL=C.UTF-8", "SYSTEMD_PAGER="};
  auto started = program::Program::start(options);
  if (!started) return started.error();
  std::string out;
  std::string err;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end && out.size() < kMostBytes) {
    if (!(*started)->read(out, err, kMostBytes, std::chrono::milliseconds(200))) break;
  }
  (void)(*started)->end(std::chrono::milliseconds(200));
  if (out.empty() && !err.empty()) return Error{ErrorKind::unavailable, err};
  return out + err;
}

// Returns the secrets that stand in the files.
std::vector<std::string> add_settings(Collection& collection, const LoadedSettings& loaded,
                                      const std::string& config) {
  std::vector<std::string> files = loaded.files;
  if (files.empty() && !config.empty()) files.push_back(config);
  const SettingsCatalog catalog = built_in_catalog();
  std::vector<std::string> secrets;
  int number = 0;
  for (const RedactedFile& file : redacted_settings(files, catalog)) {
    const std::string name = std::filesystem::path(file.file).filename().string().substr(0, 60);
    secrets.insert(secrets.end(), file.hidden.begin(), file.hidden.end());
    collection.add("settings/" + std::to_string(++number) + "-" + name, "# " + file.file + "\n" + file.text);
  }
  std::string problems;
  for (const auto* const list : {&loaded.errors, &loaded.warnings}) {
    for (const SettingsError& problem : *list) problems += to_string(problem) + "\n";
  }
  collection.add("settings/problems.txt", problems.empty() ? "none\n" : problems);
  if (loaded.settings) collection.add("settings/effective.txt", effective_text(*loaded.settings, catalog));
  return secrets;
}

void add_dead_letters(Collection& collection, const CommandContext& context, bool with_lines) {
  const std::string name = "daemon/dead-letters.json";
  const auto answer = context.client.request("GET", "/api/agent/dead-letters?limit=1000");
  if (!answer || !answer->fine()) {
    collection.leave_out(name, answer ? answer->body : answer.error().message);
    return;
  }
  auto json = Json::parse(answer->body, nullptr, false);
  if (!with_lines && json.is_object()) {
    for (auto& [key, list] : json.items()) {
      if (!list.is_array()) continue;
      for (auto& letter : list) {
        if (letter.is_object()) letter.erase("line");
      }
    }
  }
  collection.add(name, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Returns the daemon's process, 0 when there is none.
std::uint64_t add_daemon(Collection& collection, const CommandContext& context) {
  std::uint64_t pid = 0;
  for (const auto& [name, target] :
       {std::pair{"status.json", "/api/agent/status"}, std::pair{"health.json", "/healthz"},
        std::pair{"metrics.txt", "/metrics"}, std::pair{"drivers.json", "/api/agent/drivers"},
        std::pair{"store.json", "/api/agent/store"}}) {
    const auto answer = context.client.request("GET", target);
    if (!answer) {
      collection.leave_out("daemon/" + std::string(name), answer.error().message);
      return pid;
    }
    collection.add("daemon/" + std::string(name), answer->body + "\n");
    if (std::string_view(name) == "status.json") {
      if (const auto json = parse_object(answer->body)) pid = count_at(*json, "pid");
    }
  }
  return pid;
}

void add_store(Collection& collection, const CommandContext& context, const LoadedSettings& loaded) {
  const std::string name = "store-check.json";
  if (const auto answer = context.client.request("GET", "/api/agent/store/check"); answer && answer->fine()) {
    collection.add(name, answer->body + "\n");
    return;
  }
  if (!loaded.settings) {
    collection.leave_out(name, "no daemon answers, and the settings do not say where its log is");
    return;
  }
  const auto found = inspect_store(loaded.settings->store.path);
  if (found) {
    collection.add(name, inspection_json(*found) + "\n");
  } else {
    collection.leave_out(name, found.error().message);
  }
}

std::string utc(const char* format, std::int64_t now_s) {
  const std::time_t time = now_s;
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&time, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string clock_state() {
  timex state{};
  const int answer = ::adjtimex(&state);
  std::string text = answer < 0 ? "not told by the kernel"
                     : answer == TIME_ERROR
                         ? "not synchronised"
                         : "synchronised, within " + std::to_string(state.maxerror) + " us";
  return "clock: " + text + "\n";
}

void add_system(Collection& collection, const LoadedSettings& loaded, std::uint64_t pid, std::int64_t now_s) {
  std::string text = "time: " + utc("%Y-%m-%dT%H:%M:%SZ", now_s) + "\n" + clock_state();
  utsname kernel{};
  if (::uname(&kernel) == 0) {
    text += "kernel: " + std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine +
            "\nhost: " + kernel.nodename + "\n";
  }
  if (loaded.settings) {
    const auto folder = loaded.settings->store.path.parent_path();
    struct statvfs space {};
    if (::statvfs(folder.c_str(), &space) == 0) {
      text += folder.string() + ": " + format_size(std::uint64_t{space.f_bavail} * space.f_frsize) +
              " free of " + format_size(std::uint64_t{space.f_blocks} * space.f_frsize) +
              ((space.f_flag & ST_RDONLY) != 0 ? ", read-only" : "") + "\n";
    }
  }
  collection.add("system/summary.txt", text);
  for (const char* const file :
       {"/etc/os-release", "/proc/meminfo", "/proc/loadavg", "/proc/uptime", "/proc/cpuinfo", "/proc/mounts",
        "/proc/pressure/io", "/proc/pressure/memory"}) {
    collection.add("system/" + std::filesystem::path(file).filename().string(), read_file(file, kMostBytes));
  }
  if (pid != 0) {
    for (const char* const file : {"status", "limits", "smaps_rollup", "io"}) {
      collection.add("process/" + std::string(file),
                     read_file("/proc/" + std::to_string(pid) + "/" + file, kMostBytes));
    }
  }
  collection.add("service/status.txt",
                 output_of({"systemctl", "status", "--no-pager", "--full", "vigiled.service"}));
  auto unit = output_of({"systemctl", "cat", "--no-pager", "vigiled.service"});
  if (unit) unit = without_unit_values(*unit);
  collection.add("service/unit.txt", unit);
  collection.add("service/journal.txt", output_of({"journalctl", "--no-pager", "--output=short-iso",
                                                   "--lines=2000", "--unit=vigiled.service"}));
}

}  // namespace

int support_command(const CommandContext& context, const SupportOptions& options,
                    const std::string& version) {
  const SettingsSource source = find_settings(options.config);
  const LoadedSettings loaded = source.load();
  const std::int64_t now_s = std::time(nullptr);
  Collection collection;
  collection.add("versions.txt", "vigilectl " + version + "\nzlib " + ::zlibVersion() + "\n");
  const std::uint64_t pid = add_daemon(collection, context);
  if (pid != 0) add_dead_letters(collection, context, options.with_lines);
  add_store(collection, context, loaded);
  std::vector<std::string> secrets = add_settings(collection, loaded, source.file);
  add_system(collection, loaded, pid, now_s);

  std::string path = options.output;
  if (path.empty()) {
    path = "vigile-support-" + (loaded.settings ? loaded.settings->device : host_name()) + "-" +
           utc("%Y%m%dT%H%M%SZ", now_s) + ".tar.gz";
  }
  if (loaded.settings) {
    const auto resolved = secrets_of(*loaded.settings, built_in_catalog());
    secrets.insert(secrets.end(), resolved.begin(), resolved.end());
  }
  if (const auto written = collection.write(path, secrets, now_s); !written) {
    complain(written.error().message + "; --output names another file");
    return kAnswerIsNo;
  }
  if (context.json) {
    print_foreign(context, Json{{"archive", path}, {"daemon", pid != 0}}.dump() + "\n");
  } else {
    print_screen(path + " is written" + (pid == 0 ? ", without a daemon: none answers" : "") +
                 (loaded.settings ? ""
                                  : ". The settings have errors: secrets that they name by file or variable "
                                    "could not be looked for") +
                 ".\nLook through it before you send it: tar -xzf " + path + "\n");
  }
  return kFine;
}

}  // namespace vigile
