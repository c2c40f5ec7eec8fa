// SPDX-License-Identifier: Apache-2.0
#include "drivers/testcase/testcase.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <random>

#include "core/file.h"
#include "core/units.h"
#include "point/line_encode.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kInterval{10};
constexpr int kMutations = 3000;  // of each captured file
constexpr std::size_t kLongestError = 400;

std::string to_text(const Number& number) {
  struct {
    std::string operator()(double value) const {
      char text[400];
      return std::string(text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr);
    }
    std::string operator()(std::int64_t value) const { return std::to_string(value) + "i"; }
    std::string operator()(std::uint64_t value) const { return std::to_string(value) + "u"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::string_view value) const { return "\"" + std::string(value) + "\""; }
  } const write;
  return std::visit(write, number);
}

std::string_view type_of(const Number& number) {
  constexpr std::string_view kNames[] = {"float", "int", "int", "bool", "string"};
  return kNames[number.index()];
}

Options to_options(std::span<const OptionSpec> table, const YAML::Node& given);

OptionValue to_option(const OptionSpec& spec, const YAML::Node& node) {
  switch (spec.type) {
    case OptionType::boolean:
      return node.as<bool>();
    case OptionType::integer:
      return node.as<std::int64_t>();
    case OptionType::number:
      return node.as<double>();
    case OptionType::text:
    case OptionType::choice:
      return node.as<std::string>();
    case OptionType::duration:
      return *parse_duration(node.as<std::string>());
    case OptionType::size:
      return *parse_size(node.as<std::string>());
    case OptionType::list:
      if (spec.or_one && node.IsScalar()) return std::vector<std::string>{node.as<std::string>()};
      return node.as<std::vector<std::string>>();
    case OptionType::map:
      return node.as<std::map<std::string, std::string>>();
    case OptionType::rows: {
      std::vector<Options> rows;
      for (const auto& row : node) rows.push_back(to_options(spec.columns, row));
      return rows;
    }
  }
  return {};
}

Options to_options(std::span<const OptionSpec> table, const YAML::Node& given) {
  Options options;
  for (const OptionSpec& spec : table) {
    const std::string name(spec.name);
    if (given.IsMap() && given[name]) {
      options.set(name, to_option(spec, given[name]));
    } else if (!spec.fallback.empty()) {
      options.set(name, to_option(spec, YAML::Load(std::string(spec.fallback))));
    }
  }
  return options;
}

std::vector<fs::path> sorted_folders(const fs::path& in) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(in)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

// What the driver makes of one case.
std::string run_case(const DriverInfo& info, const MakeDriver& make, const fs::path& folder) {
  std::vector<fs::path> snapshots;
  for (const fs::path& one : sorted_folders(folder)) {
    if (one.filename().string().find_first_not_of("0123456789") == std::string::npos) {
      snapshots.push_back(one);
    }
  }
  if (snapshots.empty()) snapshots.push_back(folder);

  const TempDir dir;
  const fs::path root = dir / "root";
  FakeClock clock;
  const DriverEnvironment environment{.clock = clock, .proc_root = root / "proc", .sys_root = root / "sys"};
  const Options options = options_from_yaml(info, read_file(folder / "options.yaml").value_or(""));
  auto driver = make ? make(options, environment, root) : info.make(options, environment);
  if (!driver) return "error: " + std::string(to_string(driver.error().kind)) + ": " + driver.error().message;

  TextOutput out(info);
  for (const fs::path& snapshot : snapshots) {
    fs::remove(root);
    fs::create_directory_symlink(snapshot, root);
    if (snapshots.size() > 1) out.text += "# " + snapshot.filename().string() + "\n";
    const auto done =
        (*driver)->sample({.started = clock.boot(), .deadline = clock.boot() + kInterval, .stop = {}}, out);
    if (!done) {
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    }
    clock.advance(kInterval);
  }
  return replace_all(out.text, root.string(), "");
}

std::string mutate(std::string text, std::mt19937_64& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : std::size_t(random() % limit); };
  for (std::size_t times = 1 + below(4); times > 0; --times) {
    const std::size_t at = below(text.size());
    switch (below(7)) {
      case 0:
        text.resize(at);
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 2:
        text.erase(at, below(40));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(60)));
        break;
      case 4:
        text.insert(at, std::string(below(30), static_cast<char>('0' + below(10))));
        break;
      case 5:
        text.insert(at, 1, " \n\t:-\0\\%"[below(8)]);
        break;
      default:
        text.insert(at, "18446744073709551615");
    }
  }
  return text;
}

}  // namespace

void TextOutput::add(const Sample& sample) {
  text += sample.measurement;
  for (const Tag& tag : sample.tags) {
    if (!tag.value.empty()) text += "," + std::string(tag.key) + "=" + std::string(tag.value);
  }
  char separator = ' ';
  const auto add_field = [&](std::string_view key, const Number& number) {
    text += separator + std::string(key) + "=" + to_text(number);
    separator = ',';
  };
  for (const Value& value : sample.values) {
    const auto spec =
        std::find_if(info_.metrics.begin(), info_.metrics.end(), [&](const MetricSpec& candidate) {
          return candidate.name == value.metric && candidate.field == value.field;
        });
    if (spec == info_.metrics.end() && !info_.named_metrics.empty()) {
      EXPECT_EQ(value.metric, value.field) << "a metric that the settings named";
    } else if (spec == info_.metrics.end()) {
      ADD_FAILURE() << info_.name << " has no metric " << value.metric << " with field " << value.field;
    } else {
      EXPECT_EQ(type_of(value.number), spec->type) << value.metric;
    }
    add_field(value.field, value.number);
  }
  EXPECT_FALSE(sample.values.empty()) << "a sample without values";
  for (const ExtraField& extra : sample.extra) add_field(extra.key, extra.number);
  if (sample.wall_time) text += " " + std::to_string(to_ns(*sample.wall_time));
  text += '\n';
}

Result<void> TextOutput::add_point(const Point& point, PointOrigin origin) {
  text += origin == PointOrigin::agent ? "from an agent: " : "point: ";
  if (!encode_line(point, EncodeOptions{}, text)) text += "(no field)\n";
  return {};
}

Result<void> TextOutput::commit() {
  text += commit_error ? "commit that fails\n" : "commit\n";
  if (commit_error) return *commit_error;
  return {};
}

void TextOutput::availability(bool up, std::optional<double> response_time_ms, std::string_view reason) {
  text += up ? "availability up" : "availability down";
  if (response_time_ms) text += " " + to_text(*response_time_ms) + " ms";
  if (!reason.empty()) text += ": " + std::string(reason);
  text += '\n';
}

Options options_from_yaml(const DriverInfo& info, const std::string& yaml) {
  return to_options(info.options, YAML::Load(yaml));
}

fs::path testcases_of(const DriverInfo& info) {
  return fs::path(VIGILE_SOURCE_DIR) / "drivers" / info.name / "testcases";
}

void run_testcases(const DriverInfo& info, const MakeDriver& make,
                   std::initializer_list<std::string_view> needed) {
  const bool update = std::getenv("VIGILE_UPDATE_EXPECTED") != nullptr;
  for (const fs::path& folder : sorted_folders(testcases_of(info))) {
    SCOPED_TRACE(folder.string());
    const std::string got = run_case(info, make, folder);
    if (update) std::ofstream(folder / "expected.txt") << got;
    const auto expected = read_file(folder / "expected.txt");
    ASSERT_TRUE(expected) << expected.error().message;
    EXPECT_EQ(got, *expected);
  }
  for (const std::string_view name : needed) {
    EXPECT_TRUE(fs::exists(testcases_of(info) / name / "expected.txt")) << name;
  }
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string replace_numbers(std::string text, std::string_view before, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(before, at)) != std::string::npos; at += to.size()) {
    const std::size_t end = text.find_first_not_of("0123456789.", at + before.size());
    text.replace(at, (end == std::string::npos ? text.size() : end) - at, to);
  }
  return text;
}

void mutate_captured(const DriverInfo& info, std::string_view file_name,
                     const std::function<Result<void>(std::string_view text)>& parse) {
  std::mt19937_64 random(20261124);
  int files = 0;
  int errors = 0;
  for (const auto& entry : fs::recursive_directory_iterator(testcases_of(info))) {
    if (entry.path().filename() != file_name || !entry.is_regular_file()) continue;
    ++files;
    const auto seed = read_file(entry.path());
    ASSERT_TRUE(seed) << seed.error().message;
    for (int i = 0; i < kMutations; ++i) {
      // Its own allocation, exactly as long, so that the sanitizers see a read past the end.
      const std::string text = mutate(*seed, random);
      const std::unique_ptr<char[]> exact(new char[text.size()]);
      std::copy(text.begin(), text.end(), exact.get());
      const auto parsed = parse(std::string_view(exact.get(), text.size()));
      if (parsed) continue;
      ++errors;
      const std::string& message = parsed.error().message;
      ASSERT_NE(message.find(file_name), std::string::npos) << message;
      ASSERT_LE(message.size(), kLongestError) << message;
      ASSERT_EQ(message.find_first_of(std::string_view("\0\n\r\x1b", 4)), std::string::npos) << message;
    }
  }
  EXPECT_GT(files, 0) << "no testcase of " << info.name << " holds a file " << file_name;
  EXPECT_GT(errors, 0) << "no mutation of " << file_name << " was refused";
}

}  // namespace vigile
