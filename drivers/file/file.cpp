// SPDX-License-Identifier: Apache-2.0
#include "drivers/file/file.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "core/unique_fd.h"
#include "drivers/scale/scale.h"
#include "drivers/text_fields/text_fields.h"

namespace vigile {

namespace {

constexpr std::array kColumns = {
    kTextFieldName,
    OptionSpec{.name = "path",
               .help = "The file, or a pattern of several: /sys/class/hwmon/hwmon*/temp1_input.",
               .required = true},
    kTextFieldMatch,
    kTextFieldType,
    kDecimalOption,
    kThousandsOption,
    kNotAvailableTextOption,
    kScaleOption,
    kOffsetOption,
    kUnitOption,
};

constexpr std::array kOptions = {
    OptionSpec{.name = "values",
               .type = OptionType::rows,
               .help = "What to read.",
               .required = true,
               .columns = kColumns},
    OptionSpec{.name = "max_size",
               .type = OptionType::size,
               .help = "No more than this is read of a file.",
               .fallback = "16KiB",
               .min = 16,
               .max = 1048576},
};

constexpr std::array kMetrics = {
    MetricSpec{"file_failed", "failed", "int", "1", "values of this run that could not be read"},
    MetricSpec{"file_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

constexpr std::size_t kMostFiles = 256;  // of one pattern

struct Entry {
  std::string path;
  bool is_pattern = false;
  TextField field;
};

class FileDriver final : public Driver {
 public:
  FileDriver(std::vector<Entry> entries, std::size_t max_size)
      : entries_(std::move(entries)), max_size_(max_size) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    texts_.clear();
    std::optional<Error> first;
    std::int64_t failed = 0;
    for (const Entry& entry : entries_) {
      if (context.stop.stop_requested()) return {};
      for (const std::string& path : paths_of(entry)) {
        const auto done = read_one(entry, path, out);
        if (done) continue;
        ++failed;
        if (!first) first = done.error();
      }
    }
    std::vector<Value> counts = {{kMetrics[0].name, kMetrics[0].field, failed}};
    if (const auto count = left_out_.end_run())
      counts.push_back({kMetrics[1].name, kMetrics[1].field, *count});
    out.add({.measurement = "file", .values = counts});
    if (first) return *first;
    return {};
  }

 private:
  static std::vector<std::string> paths_of(const Entry& entry) {
    if (!entry.is_pattern) return {entry.path};
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(entry.path.c_str(), 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc && i < kMostFiles; ++i)
        paths.emplace_back(found.gl_pathv[i]);
    }
    ::globfree(&found);
    // None: what it says is the error.
    if (paths.empty()) paths.push_back(entry.path);
    return paths;
  }

  // Once a run, however many values are in it.
  Result<std::string_view> read(const std::string& path) {
    if (const auto known = texts_.find(path); known != texts_.end()) return std::string_view(known->second);
    // Not to wait for a writer, should it be a pipe.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fault(path);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fault(path);
    if (!S_ISREG(status.st_mode)) return Error{ErrorKind::config, path + ": is not a regular file"};
    std::string text(max_size_ + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
      const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fault(path);
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    // A file that is longer is cut, at a line's end.
    if (size > max_size_)
      size = text.rfind('\n', max_size_) == std::string::npos ? max_size_ : text.rfind('\n', max_size_);
    text.resize(size);
    return std::string_view(texts_.emplace(path, std::move(text)).first->second);
  }

  static Error fault(const std::string& path) {
    const ErrorKind kind = errno == ENOENT || errno == ENODEV  ? ErrorKind::not_found
                           : errno == EACCES || errno == EPERM ? ErrorKind::permission
                                                               : ErrorKind::io;
    return Error{kind, path + ": " + std::strerror(errno)};
  }

  Result<void> read_one(const Entry& entry, const std::string& path, Output& out) {
    const auto text = read(path);
    if (!text) return text.error();
    const auto reading = value_of(entry.field, *text);
    if (!reading) return Error{reading.error().kind, path + ": " + reading.error().message};
    if (!reading->matches)
      return Error{ErrorKind::parse,
                   path + ": " + entry.field.name + ": nothing in it matches " + entry.field.match->text()};
    if (!reading->number) {
      left_out_.add();
      return {};
    }
    const Value value{entry.field.name, entry.field.name, *reading->number};
    const Tag tag{"file", entry.is_pattern ? std::string_view(path) : std::string_view()};
    out.add({.measurement = "file", .tags = {&tag, 1}, .values = {&value, 1}});
    return {};
  }

  const std::vector<Entry> entries_;
  const std::size_t max_size_;
  std::map<std::string, std::string> texts_;  // of this run
  LeftOut left_out_;
};

Result<std::unique_ptr<Driver>> make_file(const Options& options, const DriverEnvironment&) {
  std::vector<Entry> entries;
  for (const Options& row : options.rows("values")) {
    auto field = read_text_field(row, "values");
    if (!field) return field.error();
    const bool is_own = std::any_of(kMetrics.begin(), kMetrics.end(), [&](const MetricSpec& one) {
      return one.name == field->name || one.field == field->name;
    });
    if (is_own)
      return Error{ErrorKind::config,
                   "values: \"" + field->name + "\" is the name of a metric that the driver itself has"};
    Entry entry{row.text("path"), false, std::move(*field)};
    if (!entry.path.starts_with('/'))
      return Error{ErrorKind::config, "values: \"" + entry.field.name + "\": path: must begin with /"};
    entry.is_pattern = entry.path.find_first_of("*?[") != std::string::npos;
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) return Error{ErrorKind::config, "values: there must be one"};
  return std::unique_ptr<Driver>(
      std::make_unique<FileDriver>(std::move(entries), options.size_bytes("max_size")));
}

}  // namespace

const DriverInfo kFileDriver = {
    .name = "file",
    .summary = "Values out of any text file, chosen by regular expressions.",
    .options = kOptions,
    .metrics = kMetrics,
    .named_metrics = "Each entry of `values` is one, by its name.",
    .named_by_rows = true,
    .may_block = true,
    .series = [](const Options&) { return std::string(); },
    .make = make_file,
};

}  // namespace vigile
