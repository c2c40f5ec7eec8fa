// SPDX-License-Identifier: Apache-2.0
#include "drivers/process/process.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "drivers/dbus/bus.h"
#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/line_text/line_text.h"
#include "drivers/process/pid_file.h"
#include "drivers/process/proc_stat.h"

namespace vigile {

namespace process {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "program",
               .help = "Name or pattern of the program, as in ps -o comm: nginx, \"postgres*\"."},
    OptionSpec{
        .name = "command",
        .help = "Pattern of the whole command line, arguments apart by blanks: \"*python3 */press.py*\"."},
    OptionSpec{.name = "pid_file", .help = "File that holds the process's number."},
    OptionSpec{.name = "unit", .help = "systemd unit: mosquitto.service."},
    OptionSpec{.name = "cgroup", .help = "Control group, below /sys/fs/cgroup: system.slice/docker.service."},
    OptionSpec{.name = "bus", .help = "Address of the system bus, for unit; the system's if absent."},
};

constexpr std::array kMetrics = {
    MetricSpec{"process_running", "running", "int", "1", "1: there is one; of a unit: it is active"},
    MetricSpec{"process_count", "count", "int", "1", "processes; of a cgroup or unit: tasks, pids.current"},
    MetricSpec{"process_cpu", "cpu", "float", "percent",
               "of one processor; /proc/<pid>/stat utime and stime, or cpu.stat"},
    MetricSpec{"process_memory", "memory", "int", "bytes", "/proc/<pid>/stat rss, or memory.current"},
    MetricSpec{"process_threads", "threads", "int", "1", "/proc/<pid>/stat num_threads"},
    MetricSpec{"process_descriptors", "descriptors", "int", "1", "entries of /proc/<pid>/fd"},
    MetricSpec{"process_uptime", "uptime", "float", "s", "of the oldest; of a unit: since it became active"},
    MetricSpec{"process_restarts", "restarts", "int", "1",
               "changes of the oldest that were seen; of a unit: NRestarts"},
    MetricSpec{"process_state", "state", "string", "1", "of a unit: ActiveState/SubState"},
};

struct ProcessSettings {
  std::string program, command, pid_file, unit, cgroup, bus;
  std::string shown;  // which of them, and what
  bool has_matcher() const { return !program.empty() || !command.empty(); }
};

// What is known of those that were found.
struct Usage {
  bool is_running = false;
  std::optional<std::int64_t> count, memory_bytes, threads, descriptors, restarts;
  std::optional<double> cpu_percent, uptime_s;
  std::string state;
};

class ProcessDriver final : public Driver {
 public:
  ProcessDriver(ProcessSettings settings, const DriverEnvironment& environment)
      : settings_(std::move(settings)),
        clock_(environment.clock),
        proc_(environment.proc_root.string()),
        cgroups_((environment.sys_root / "fs/cgroup").string()),
        matcher_({settings_.program.empty() ? settings_.command : settings_.program}, {}) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    Usage usage;
    const Result<void> done = !settings_.unit.empty()     ? read_unit(context, usage)
                              : !settings_.cgroup.empty() ? read_cgroup(settings_.cgroup, usage)
                                                          : read_processes(usage);
    if (!done) return done;
    emit(usage, out);
    const std::string why =
        settings_.shown + ": " + (usage.state.empty() ? "does not run" : "is " + usage.state);
    out.availability(usage.is_running, std::nullopt, usage.is_running ? "" : why);
    return {};
  }

 private:
  struct Seen {
    std::uint64_t start_ticks = 0;
    std::uint64_t cpu_ticks = 0;
  };

  std::string path(int pid, std::string_view file) const {
    return proc_ + "/" + std::to_string(pid) + "/" + std::string(file);
  }

  // Absent: it is gone, or not meant.
  std::optional<ProcStat> stat_of(int pid) const {
    char buffer[1024];
    const std::string file = path(pid, "stat");
    const auto text = read_attribute(file.c_str(), buffer, sizeof buffer);
    if (!text) return std::nullopt;
    auto stat = parse_proc_stat(*text, file);
    if (!stat) return std::nullopt;
    return std::move(*stat);
  }

  bool is_meant(int pid, const ProcStat& stat) const {
    if (!settings_.program.empty()) return matcher_.accepts(stat.name);
    KernelFile file(path(pid, "cmdline"), std::size_t{1} << 20);
    const auto text = file.read();
    if (!text || text->empty()) return false;  // a thread of the kernel
    std::string line(*text);
    std::replace(line.begin(), line.end(), '\0', ' ');
    while (line.ends_with(' ')) line.pop_back();
    return matcher_.accepts(line);
  }

  Result<std::vector<int>> numbers() const {
    if (!settings_.pid_file.empty()) {
      const auto pid = read_pid_file(settings_.pid_file);
      // A service that is stopped has taken its file along.
      if (!pid && pid.error().kind == ErrorKind::not_found) return std::vector<int>();
      if (!pid) return pid.error();
      return std::vector<int>{*pid};
    }
    const auto names = list_folder(proc_);
    if (!names) return names.error();
    std::vector<int> all;
    for (const std::string& name : *names) {
      if (const auto pid = to_unsigned(name); pid && *pid <= 0x7fff'ffff)
        all.push_back(static_cast<int>(*pid));
    }
    return all;
  }

  Result<void> read_processes(Usage& usage) {
    const auto pids = numbers();
    if (!pids) return pids.error();
    const BootTime now = clock_.boot();
    const double since_s = read_at_ ? std::chrono::duration<double>(now - *read_at_).count() : 0;
    std::map<int, Seen> seen;
    std::uint64_t ticks = 0, pages = 0, threads = 0;
    std::optional<std::pair<std::uint64_t, int>> oldest;
    std::int64_t descriptors = 0;
    bool knows_descriptors = true;
    for (const int pid : *pids) {
      const auto stat = stat_of(pid);
      if (!stat || stat->state == 'Z' || stat->state == 'X') continue;
      if (settings_.has_matcher() && !is_meant(pid, *stat)) continue;
      seen[pid] = {stat->start_ticks, stat->cpu_ticks};
      const auto before = seen_.find(pid);
      const bool is_same = before != seen_.end() && before->second.start_ticks == stat->start_ticks;
      // What one that began since the last run has used, it has used since then. One that was there before,
      // and matches only now, begins to count.
      const bool is_new = read_at_ && static_cast<double>(stat->start_ticks) / kTicks >=
                                          std::chrono::duration<double>(read_at_->time_since_epoch()).count();
      const std::uint64_t from = is_same ? before->second.cpu_ticks : is_new ? 0 : stat->cpu_ticks;
      if (stat->cpu_ticks >= from) ticks += stat->cpu_ticks - from;
      pages += stat->resident_pages;
      threads += stat->threads;
      const std::pair age{stat->start_ticks, pid};
      if (!oldest || age < *oldest) oldest = age;
      const auto count = count_entries(path(pid, "fd"));
      knows_descriptors = knows_descriptors && count.has_value();
      descriptors += count.value_or(0);
    }
    // Not seen is not "does not run" where others' processes are hidden: the first one always runs.
    if (seen.empty() && ::access((proc_ + "/1").c_str(), F_OK) != 0)
      return Error{
          ErrorKind::permission,
          proc_ + ": other users' processes are hidden (hidepid, or ProtectProc= of the agent's unit)"};
    usage.is_running = !seen.empty();
    usage.count = static_cast<std::int64_t>(seen.size());
    if (usage.is_running) {
      if (since_s > 0 && read_at_)
        usage.cpu_percent = two_decimals(100 * static_cast<double>(ticks) / kTicks / since_s);
      usage.memory_bytes = static_cast<std::int64_t>(pages) * kPageBytes;
      usage.threads = static_cast<std::int64_t>(threads);
      if (knows_descriptors) usage.descriptors = descriptors;
      const double started_s = static_cast<double>(oldest->first) / kTicks;
      usage.uptime_s =
          std::max(0.0, std::chrono::duration<double>(now.time_since_epoch()).count() - started_s);
      if (oldest_ && oldest_ != oldest) ++restarts_;
      oldest_ = oldest;
    }
    usage.restarts = restarts_;
    seen_ = std::move(seen);
    read_at_ = now;
    return {};
  }

  static std::optional<std::int64_t> count_entries(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    if (!open) return std::nullopt;
    std::int64_t count = 0;
    while (const dirent* entry = ::readdir(open.get())) count += entry->d_name[0] != '.' ? 1 : 0;
    return count;
  }

  Result<std::optional<std::uint64_t>> cgroup_number(const std::string& file,
                                                     std::string_view key = {}) const {
    KernelFile attribute(file, std::size_t{64} << 10);
    const auto text = attribute.read();
    if (!text && text.error().kind == ErrorKind::not_found) return std::optional<std::uint64_t>();
    if (!text) return text.error();
    Lines lines(*text);
    while (lines.next()) {
      std::string_view rest = lines.line();
      if (!key.empty() && take_word(rest) != key) continue;
      const auto number = to_unsigned(take_word(rest));
      if (!number) return parse_error(file, lines.number(), "a number", lines.line());
      return std::optional(*number);
    }
    return std::optional<std::uint64_t>();
  }

  Result<void> read_cgroup(const std::string& group, Usage& usage) {
    const std::string folder = cgroups_ + "/" + group.substr(group.starts_with('/') ? 1 : 0);
    const BootTime now = clock_.boot();
    const auto tasks = cgroup_number(folder + "/pids.current");
    if (!tasks) return tasks.error();
    const auto populated = cgroup_number(folder + "/cgroup.events", "populated");
    if (!populated) return populated.error();
    if (!*tasks && !*populated && ::access(cgroups_.c_str(), F_OK) == 0 &&
        ::access((cgroups_ + "/cgroup.controllers").c_str(), F_OK) != 0)
      return Error{ErrorKind::not_found, cgroups_ + ": is not the second version of control groups"};
    // One that is empty has ended, or is gone as a folder.
    usage.is_running = populated->value_or(tasks->value_or(0) > 0 ? 1 : 0) > 0;
    usage.count = static_cast<std::int64_t>(tasks->value_or(0));
    const auto memory = cgroup_number(folder + "/memory.current");
    if (!memory) return memory.error();
    if (*memory) usage.memory_bytes = static_cast<std::int64_t>(**memory);
    const auto cpu = cgroup_number(folder + "/cpu.stat", "usage_usec");
    if (!cpu) return cpu.error();
    if (*cpu && read_at_ && cgroup_us_ && **cpu >= *cgroup_us_) {
      const double since_us = std::chrono::duration<double, std::micro>(now - *read_at_).count();
      if (since_us > 0)
        usage.cpu_percent = two_decimals(100 * static_cast<double>(**cpu - *cgroup_us_) / since_us);
    }
    cgroup_us_ = *cpu;
    read_at_ = now;
    return {};
  }

  Result<void> read_unit(const SampleContext& context, Usage& usage) {
    if (!bus_) {
      auto opened = dbus::Bus::open(settings_.bus, context.deadline - clock_.boot());
      if (!opened) return opened.error();
      bus_ = std::move(*opened);
    }
    const auto left = [&] {
      return std::max<std::chrono::nanoseconds>(context.deadline - clock_.boot(),
                                                std::chrono::milliseconds(1));
    };
    const auto done = ask_unit(left, usage);
    // Whatever it was, another connection does not have it.
    if (!done && done.error().kind != ErrorKind::not_found) bus_.reset();
    return done;
  }

  template <class Left>
  Result<void> ask_unit(const Left& left, Usage& usage) {
    constexpr const char* kManager = "org.freedesktop.systemd1";
    // LoadUnit also knows those that do not run.
    const auto object = bus_->ask({kManager,
                                   "/org/freedesktop/systemd1",
                                   "org.freedesktop.systemd1.Manager",
                                   "LoadUnit",
                                   {settings_.unit}},
                                  left());
    if (!object) return object.error();
    if (object->text() == nullptr)
      return Error{ErrorKind::parse, "systemd: names no object for " + settings_.unit};
    const auto all = [&](const char* interface) {
      return bus_->ask({kManager, *object->text(), "org.freedesktop.DBus.Properties", "GetAll", {interface}},
                       left());
    };
    const auto unit = all("org.freedesktop.systemd1.Unit");
    if (!unit) return unit.error();
    const auto text = [&](const dbus::Value& of, const char* name) {
      const dbus::Value* const value = of.find(name);
      return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
    };
    if (text(*unit, "LoadState") == "not-found")
      return Error{ErrorKind::not_found, "systemd: there is no unit " + settings_.unit};
    const std::string active = text(*unit, "ActiveState");
    usage.is_running = active == "active" || active == "reloading";
    usage.state = active + "/" + text(*unit, "SubState");
    if (const dbus::Value* since = unit->find("ActiveEnterTimestampMonotonic");
        since != nullptr && usage.is_running) {
      timespec now{};
      ::clock_gettime(CLOCK_MONOTONIC, &now);
      const double now_us = static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
      usage.uptime_s = std::max(0.0, (now_us - since->number()) / 1e6);
    }
    if (!settings_.unit.ends_with(".service")) return {};
    const auto service = all("org.freedesktop.systemd1.Service");
    if (!service) return service.error();
    if (const dbus::Value* restarts = service->find("NRestarts"); restarts != nullptr)
      usage.restarts = static_cast<std::int64_t>(restarts->number());
    const std::string group = text(*service, "ControlGroup");
    if (group.empty()) return {};
    const bool is_running = usage.is_running;
    const auto read = read_cgroup(group, usage);
    usage.is_running = is_running;
    return read;
  }

  void emit(const Usage& usage, Output& out) const {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, const auto& number) {
      if (number) values[count++] = {kMetrics[metric].name, kMetrics[metric].field, *number};
    };
    add(0, std::optional<std::int64_t>(usage.is_running ? 1 : 0));
    add(1, usage.count);
    add(2, usage.cpu_percent);
    add(3, usage.memory_bytes);
    add(4, usage.threads);
    add(5, usage.descriptors);
    add(6, usage.uptime_s);
    add(7, usage.restarts);
    if (!usage.state.empty())
      values[count++] = {kMetrics[8].name, kMetrics[8].field, std::string_view(usage.state)};
    const Tag tag{"process", settings_.shown};
    out.add({.measurement = "process", .tags = {&tag, 1}, .values = {values.data(), count}});
  }

  const double kTicks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::int64_t kPageBytes = ::sysconf(_SC_PAGESIZE);

  const ProcessSettings settings_;
  const Clock& clock_;
  const std::string proc_;
  const std::string cgroups_;
  const NameFilter matcher_;
  std::map<int, Seen> seen_;  // of the last run
  std::optional<std::pair<std::uint64_t, int>> oldest_;
  std::int64_t restarts_ = 0;
  std::optional<BootTime> read_at_;
  std::optional<std::uint64_t> cgroup_us_;
  std::unique_ptr<dbus::Bus> bus_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  ProcessSettings settings{options.text("program"),
                           options.text("command"),
                           options.text("pid_file"),
                           options.text("unit"),
                           options.text("cgroup"),
                           options.text("bus"),
                           {}};
  int given = 0;
  for (const char* name : {"program", "command", "pid_file", "unit", "cgroup"}) {
    if (options.text(name).empty()) continue;
    ++given;
    settings.shown = options.text(name).substr(0, 200);
  }
  if (given != 1)
    return Error{ErrorKind::config,
                 "program: one of program, command, pid_file, unit and cgroup says which process"};
  if (settings.program.size() > 15)
    return Error{ErrorKind::config, "program: " + shown_text(settings.program) +
                                        ": the kernel keeps 15 bytes of a name; use command, or a pattern"};
  if (!settings.pid_file.empty() && !settings.pid_file.starts_with('/'))
    return Error{ErrorKind::config, "pid_file: must begin with /"};
  if (settings.cgroup.find("..") != std::string::npos)
    return Error{ErrorKind::config, "cgroup: is a path below /sys/fs/cgroup, without .."};
  if (!settings.unit.empty() && settings.unit.find('.') == std::string::npos)
    return Error{ErrorKind::config, "unit: " + shown_text(settings.unit) + " is not like mosquitto.service"};
  if (!settings.unit.empty() && !dbus::is_available())
    return Error{ErrorKind::config,
                 "unit: this build cannot ask systemd; install libsystemd-dev and build again"};
  if (!settings.bus.empty() && settings.unit.empty())
    return Error{ErrorKind::config, "bus: has no effect without unit"};
  return std::unique_ptr<Driver>(std::make_unique<ProcessDriver>(std::move(settings), environment));
}

}  // namespace

}  // namespace process

const DriverInfo kProcessDriver = {
    .name = "process",
    .summary =
        "Whether a program runs, and what it takes: by name, command, pid file, systemd unit or cgroup.",
    .options = process::kOptions,
    .metrics = process::kMetrics,
    .may_block = true,
    .decides_availability = true,
    .series =
        [](const Options& options) {
          return options.text("program") + options.text("command") + options.text("pid_file") +
                 options.text("unit") + options.text("cgroup");
        },
    .make = process::make};

}  // namespace vigile
