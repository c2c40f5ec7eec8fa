// SPDX-License-Identifier: Apache-2.0
#include "drivers/disk/disk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array<OptionSpec, 3> kOptions = {
    OptionSpec{.name = "mounts",
               .type = OptionType::list,
               .help = "mount points or patterns of them to watch; all, if absent",
               .fallback = ""},
    OptionSpec{.name = "exclude",
               .type = OptionType::list,
               .help = "mount points or patterns to leave out",
               .fallback = "[/etc/resolv.conf, /etc/hostname, /etc/hosts, /dev/termination-log]"},
    OptionSpec{
        .name = "exclude_fstypes",
        .type = OptionType::list,
        .help = "file system types to leave out, except on / and on mount points spelled out in mounts",
        .fallback =
            // What the kernel makes up, images that are always full, and what a lost network would hang.
        "[autofs, binfmt_misc, bpf, \"cgroup*\", configfs, debugfs, devpts, devtmpfs, efivarfs, "
        "fusectl, hugetlbfs, mqueue, nsfs, overlay, proc, pstore, ramfs, rootfs, rpc_pipefs, "
        "securityfs, selinuxfs, sysfs, tmpfs, tracefs, cramfs, erofs, iso9660, squashfs, "
        "9p, afs, ceph, cifs, \"fuse.*\", fuse, lustre, ncpfs, \"nfs*\", \"smb*\", virtiofs]"},
};

constexpr std::array<MetricSpec, 9> kMetrics = {
    MetricSpec{"disk_usage", "usage", "float", "percent", "used / (used + free)"},
    MetricSpec{"disk_total", "total", "int", "bytes", "statvfs(3), f_blocks"},
    MetricSpec{"disk_used", "used", "int", "bytes", "statvfs(3), f_blocks - f_bfree"},
    MetricSpec{"disk_free", "free", "int", "bytes", "statvfs(3), f_bavail: what users may still write"},
    MetricSpec{"disk_inodes_usage", "inodes_usage", "float", "percent", "inodes used / inodes total"},
    MetricSpec{"disk_inodes_total", "inodes_total", "int", "1", "statvfs(3), f_files"},
    MetricSpec{"disk_inodes_used", "inodes_used", "int", "1", "statvfs(3), f_files - f_ffree"},
    MetricSpec{"disk_inodes_free", "inodes_free", "int", "1", "statvfs(3), f_ffree"},
    MetricSpec{"disk_read_only", "read_only", "bool", "1",
               "the file system's option ro: /proc/self/mountinfo"},
};
enum Metric : std::size_t {
  kUsage,
  kTotal,
  kUsed,
  kFree,
  kInodesUsage,
  kInodesTotal,
  kInodesUsed,
  kInodesFree,
  kReadOnly
};

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62;  // a nonsense answer must not overflow

int ask_kernel(const std::string& mount_point, struct statvfs& out) {
  return ::statvfs(mount_point.c_str(), &out) == 0 ? 0 : errno;
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return two_decimals(100 * static_cast<double>(part) / static_cast<double>(whole));
}

class Values {
 public:
  void add(Metric metric, Number number) {
    values_[count_++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
  }
  void add_count(Metric metric, std::uint64_t count) { add(metric, static_cast<std::int64_t>(count)); }
  std::span<const Value> view() const { return {values_.data(), count_}; }

 private:
  std::array<Value, kMetrics.size()> values_;
  std::size_t count_ = 0;
};

class DiskDriver final : public Driver {
 public:
  DiskDriver(const Options& options, const DriverEnvironment& environment, StatVfs ask)
      : clock_(environment.clock),
        filter_(options.list("mounts"), options.list("exclude")),
        fstypes_({}, options.list("exclude_fstypes")),
        ask_(std::move(ask)),
        info_file_(environment.proc_root / "self/mountinfo"),
        own_file_(environment.proc_root / "self/mounts"),
        file_(environment.proc_root / "mounts") {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    auto parsed = read_mounts();
    std::optional<Error> first_error = choose();
    std::size_t read = 0;
    for (const Mount& mount : mounts_) {
      if (clock_.boot() >= context.deadline || context.stop.stop_requested()) {
        return Error{ErrorKind::timeout, mount.mount_point + ": not read within the deadline"};
      }
      struct statvfs answer {};
      if (const int failed = ask_(mount.mount_point, answer); failed != 0) {
        // Mounts that this user may not enter are not its business, unless the settings ask for them.
        const bool ours = failed != EACCES || filter_.spells_out(mount.mount_point);
        if (ours && !first_error) first_error = errno_error(mount.mount_point, failed);
        continue;
      }
      if (emit(mount, answer, out)) ++read;
    }
    if (!parsed) return parsed;
    if (first_error) return *first_error;
    if (auto there = all_there(); !there) return there;
    if (read == 0) return Error{ErrorKind::not_found, used_file_ + ": no file system to watch"};
    return {};
  }

 private:
  Result<void> read_mounts() {
    mounts_.clear();
    auto text = info_file_.read();
    used_file_ = info_file_.path();
    if (text) return parse_mountinfo(*text, used_file_, mounts_);
    if (text.error().kind == ErrorKind::not_found) text = own_file_.read();
    used_file_ = own_file_.path();
    if (!text && text.error().kind == ErrorKind::not_found) {
      text = file_.read();
      used_file_ = file_.path();
    }
    if (!text) return text.error();
    return parse_mounts(*text, used_file_, mounts_);
  }

  bool accepts(const Mount& mount) const {
    if (filter_.spells_out(mount.mount_point)) return true;
    if (!filter_.accepts(mount.mount_point)) return false;
    return mount.mount_point == "/" || !fstypes_.excludes(mount.fstype);
  }

  // Leaves the mounts to be asked. A device that is mounted again elsewhere (a bind mount, a subvolume) would
  // tell the same figures twice: its first mount counts, and those spelled out in the settings. Returns what
  // hides one of them.
  std::optional<Error> choose() {
    std::vector<Mount> chosen;
    hidden_.clear();
    for (Mount& mount : mounts_) {
      if (is_hidden(mount)) {
        hidden_.push_back(mount.mount_point);
        continue;
      }
      if (!accepts(mount)) continue;
      const bool on_device = mount.device.front() == '/';
      const bool again = on_device && std::any_of(chosen.begin(), chosen.end(), [&](const Mount& one) {
                           return one.device == mount.device;
                         });
      if (!again || filter_.spells_out(mount.mount_point)) chosen.push_back(std::move(mount));
    }
    mounts_ = std::move(chosen);
    if (hidden_.empty()) return std::nullopt;
    return Error{ErrorKind::permission,
                 hidden_.front() +
                     ": the agent sees an empty folder there, not the file system; that is what "
                     "ProtectHome= or InaccessiblePaths= of its unit does (systemd/README.md)"};
  }

  // Whether one that is to be watched is under a mount that only hides it: figures of that would be of
  // another file system, with another name.
  bool is_hidden(const Mount& mount) const {
    if (filter_.spells_out(mount.mount_point) && mount.root.ends_with("/systemd/inaccessible/dir"))
      return true;
    if (!filter_.spells_out(mount.mount_point) && !filter_.accepts(mount.mount_point)) return false;
    return mount.mount_point != "/" && fstypes_.excludes(mount.fstype) &&
           std::any_of(mount.covered.begin(), mount.covered.end(), [&](const Mount::Covered& one) {
             return one.number != mount.number && !fstypes_.excludes(one.fstype);
           });
  }

  // False for a file system without size: there is nothing to fill.
  static bool emit(const Mount& mount, const struct statvfs& answer, Output& out) {
    const std::uint64_t unit = answer.f_frsize != 0 ? answer.f_frsize : answer.f_bsize;
    if (unit == 0 || answer.f_blocks == 0 || answer.f_blocks > kMostBytes / unit) return false;
    const std::uint64_t blocks = answer.f_blocks;
    const std::uint64_t used = blocks - std::min<std::uint64_t>(answer.f_bfree, blocks);
    const std::uint64_t free = std::min<std::uint64_t>(answer.f_bavail, blocks);
    Values values;
    if (used + free > 0) values.add(kUsage, percent(used, used + free));
    values.add_count(kTotal, blocks * unit);
    values.add_count(kUsed, used * unit);
    values.add_count(kFree, free * unit);
    if (answer.f_files > 0 && answer.f_files <= kMostBytes) {
      const std::uint64_t inodes_free = std::min<std::uint64_t>(answer.f_ffree, answer.f_files);
      values.add(kInodesUsage, percent(answer.f_files - inodes_free, answer.f_files));
      values.add_count(kInodesTotal, answer.f_files);
      values.add_count(kInodesUsed, answer.f_files - inodes_free);
      values.add_count(kInodesFree, inodes_free);
    }
    values.add(kReadOnly, mount.read_only);
    const std::array<Tag, 3> tags = {Tag{"device", mount.device}, Tag{"fstype", mount.fstype},
                                     Tag{"mount", mount.mount_point}};
    out.add({.measurement = "disk", .tags = tags, .values = values.view()});
    return true;
  }

  Result<void> all_there() const {
    for (const std::string& wanted : filter_.chosen()) {
      if (!is_plain_name(wanted) || std::find(hidden_.begin(), hidden_.end(), wanted) != hidden_.end())
        continue;
      if (std::none_of(mounts_.begin(), mounts_.end(),
                       [&](const Mount& mount) { return mount.mount_point == wanted; })) {
        return Error{ErrorKind::not_found, used_file_ + ": nothing is mounted on \"" + wanted + "\""};
      }
    }
    return {};
  }

  const Clock& clock_;
  const NameFilter filter_;
  const NameFilter fstypes_;
  const StatVfs ask_;
  KernelFile info_file_;
  KernelFile own_file_;
  KernelFile file_;
  std::string used_file_;
  std::vector<Mount> mounts_;
  std::vector<std::string> hidden_;  // mount points
};

Result<std::unique_ptr<Driver>> make_disk(const Options& options, const DriverEnvironment& environment) {
  return make_disk_driver(options, environment, ask_kernel);
}

// \040, \011, \012, \134 and \043 stand for blank, tab, newline, backslash and '#'.
std::string unescape_octal(std::string_view text) {
  const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || !digit(i + 1) || text[i + 1] > '3' || !digit(i + 2) || !digit(i + 3)) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

// Of several on one mount point the last covers the others.
void add_mount(Mount mount, std::vector<Mount>& mounts) {
  const auto older = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const Mount& one) { return one.mount_point == mount.mount_point; });
  if (older != mounts.end()) {
    mount.covered = std::move(older->covered);
    mount.covered.push_back({older->number, older->fstype});
    mounts.erase(older);
  }
  mounts.push_back(std::move(mount));
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const std::string_view one = options.substr(0, options.find(','));
    if (one == wanted) return true;
    options.remove_prefix(std::min(options.size(), one.size() + 1));
  }
  return false;
}

}  // namespace

const DriverInfo kDiskDriver = {
    .name = "disk",
    .summary = "Space and inodes of the mounted file systems: total, used, free and the share in use.",
    .options = kOptions,
    .metrics = kMetrics,
    .may_block = true,  // statvfs waits for a dying disk or a lost server as long as the kernel does
    .make = make_disk,
};

Result<void> parse_mounts(std::string_view text, std::string_view file, std::vector<Mount>& out) {
  out.clear();
  Lines lines(text);
  while (lines.next()) {
    const auto bad = [&](std::string_view expected) {
      return parse_error(file, lines.number(), expected, lines.line());
    };
    if (!lines.is_whole()) return bad("a whole line");
    std::string_view rest = lines.line();
    const std::string_view device = take_word(rest);
    const std::string_view mount_point = take_word(rest);
    const std::string_view fstype = take_word(rest);
    const std::string_view options = take_word(rest);
    if (options.empty() || mount_point.front() != '/') return bad("<device> </mount/point> <type> <options>");
    add_mount({unescape_octal(device),
               unescape_octal(mount_point),
               unescape_octal(fstype),
               has_option(options, "ro"),
               {},
               {},
               {}},
              out);
  }
  return {};
}

Result<void> parse_mountinfo(std::string_view text, std::string_view file, std::vector<Mount>& out) {
  out.clear();
  Lines lines(text);
  while (lines.next()) {
    const auto bad = [&](std::string_view expected) {
      return parse_error(file, lines.number(), expected, lines.line());
    };
    if (!lines.is_whole()) return bad("a whole line");
    std::string_view rest = lines.line();
    take_word(rest);  // its number
    take_word(rest);  // its parent's
    const std::string_view number = take_word(rest);
    const std::string_view root = take_word(rest);
    const std::string_view mount_point = take_word(rest);
    // Its own options, and any number of fields that end with "-".
    while (!rest.empty() && take_word(rest) != "-") {
    }
    const std::string_view fstype = take_word(rest);
    const std::string_view device = take_word(rest);
    const std::string_view options = take_word(rest);
    if (options.empty() || mount_point.front() != '/')
      return bad("<number> <parent> <device> <root> </mount/point> <options> … - <type> <device> <options>");
    // emergency_ro: ext4 since Linux 6.15, after an error.
    const bool read_only = has_option(options, "ro") || has_option(options, "emergency_ro");
    add_mount({unescape_octal(device),
               unescape_octal(mount_point),
               unescape_octal(fstype),
               read_only,
               std::string(number),
               unescape_octal(root),
               {}},
              out);
  }
  return {};
}

Result<std::unique_ptr<Driver>> make_disk_driver(const Options& options, const DriverEnvironment& environment,
                                                 StatVfs ask) {
  return std::unique_ptr<Driver>(std::make_unique<DiskDriver>(options, environment, std::move(ask)));
}

}  // namespace vigile
