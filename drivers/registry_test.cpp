// SPDX-License-Identifier: Apache-2.0
// What every driver owes, held against its folder: README.md tells the same options and metrics as the
// tables that the program prints, and sample.yaml can be pasted into a site's file.
#include "drivers/registry.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "core/file.h"
#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

using Row = std::map<std::string, std::string>;  // by the heading of the column

std::filesystem::path folder_of(const DriverInfo& driver) {
  return testcases_of(driver).parent_path();
}

// Without blanks around it and without the marks of code.
std::string plain(std::string cell) {
  std::erase(cell, '`');
  const auto begin = cell.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return cell.substr(begin, cell.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '|' && line[i - 1] != '\\') {
      cells.push_back(plain(cell));
      cell.clear();
    } else if (line[i] != '\\' || i + 1 == line.size() || line[i + 1] != '|') {
      cell += line[i];
    }
  }
  return cells;
}

// The rows of the first table after the heading "## <section>", up to the next such heading.
std::vector<Row> read_table(const std::string& markdown, const std::string& section) {
  std::vector<Row> rows;
  std::vector<std::string> headings;
  std::istringstream lines(markdown);
  bool inside = false;
  bool ended = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("## ", 0) == 0) inside = line == "## " + section;
    if (!inside || ended) continue;
    if (line.rfind('|', 0) != 0) {
      ended = !headings.empty();
      continue;
    }
    const std::vector<std::string> cells = cells_of(line);
    if (headings.empty()) {
      headings = cells;
      continue;
    }
    if (cells[0].find_first_not_of("-:") == std::string::npos) continue;
    EXPECT_EQ(cells.size(), headings.size()) << line;
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < std::min(cells.size(), headings.size()); ++i) row[headings[i]] = cells[i];
  }
  return rows;
}

class EveryDriver : public testing::TestWithParam<const DriverInfo*> {
 protected:
  void SetUp() override {
    if (!driver().missing.empty()) GTEST_SKIP() << driver().missing;
  }
  const DriverInfo& driver() const { return *GetParam(); }
};

TEST_P(EveryDriver, HasAReadmeThatTellsItsOptions) {
  const auto readme = read_file(folder_of(driver()) / "README.md");
  ASSERT_TRUE(readme) << readme.error().message;
  const std::vector<Row> rows = read_table(*readme, "Options");
  std::vector<std::pair<std::string, OptionSpec>> specs;  // the keys of entries after their option
  for (const OptionSpec& spec : driver().options) {
    specs.emplace_back(spec.name, spec);
    for (const OptionSpec& column : spec.columns) {
      specs.emplace_back(std::string(spec.name) + "[]." + std::string(column.name), column);
    }
  }
  ASSERT_EQ(rows.size(), specs.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    const OptionSpec& spec = specs[i].second;
    EXPECT_EQ(row["option"], specs[i].first);
    EXPECT_EQ(row["type"], to_string(spec.type)) << spec.name;
    EXPECT_EQ(row["meaning"], spec.help) << spec.name;
    const std::string fallback = spec.required           ? "required"
                                 : spec.fallback.empty() ? "-"
                                                         : std::string(spec.fallback);
    EXPECT_EQ(row["default"], fallback) << spec.name;
  }
}

TEST_P(EveryDriver, HasAReadmeThatTellsItsMetrics) {
  const auto readme = read_file(folder_of(driver()) / "README.md");
  ASSERT_TRUE(readme) << readme.error().message;
  const std::vector<Row> rows = read_table(*readme, "Metrics");
  ASSERT_EQ(rows.size(), driver().metrics.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MetricSpec& spec = driver().metrics[i];
    const Row expected = {{"metric", std::string(spec.name)},
                          {"field", std::string(spec.field)},
                          {"type", std::string(spec.type)},
                          {"unit", std::string(spec.unit)},
                          {"source", std::string(spec.source)}};
    EXPECT_EQ(rows[i], expected) << spec.name;
  }
}

TEST_P(EveryDriver, HasSoundTables) {
  EXPECT_FALSE(driver().summary.empty());
  EXPECT_EQ(driver().summary.back(), '.');
  // Taken by the keys that every driver has.
  std::set<std::string_view> options = {"when",    "every", "deadline", "tags",   "name",
                                        "decides", "only",  "except",   "rename", "report"};
  for (const OptionSpec& option : driver().options) {
    EXPECT_TRUE(options.insert(option.name).second) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
  }
  EXPECT_NO_THROW(options_from_yaml(driver(), "")) << "a default is not of its type";
  std::set<std::pair<std::string_view, std::string_view>> metrics;
  const std::set<std::string_view> types = {"float", "int", "bool", "string"};
  for (const MetricSpec& metric : driver().metrics) {
    EXPECT_TRUE(metrics.insert({metric.name, metric.field}).second) << metric.name;
    EXPECT_TRUE(types.count(metric.type)) << metric.type;
    EXPECT_FALSE(metric.unit.empty()) << metric.name;
    EXPECT_NE(metric.field, "time") << metric.name;
  }
}

TEST_P(EveryDriver, HasASampleThatItsTableAllows) {
  const std::filesystem::path file = folder_of(driver()) / "sample.yaml";
  const auto text = read_file(file);
  ASSERT_TRUE(text) << text.error().message;
  const YAML::Node sample = YAML::Load(*text);
  ASSERT_TRUE(sample.IsSequence() && sample.size() > 0) << file;
  for (const auto& entry : sample) {
    ASSERT_TRUE(entry.IsMap() && entry.size() == 1) << file;
    const YAML::Node options = entry.begin()->second;
    EXPECT_EQ(entry.begin()->first.as<std::string>(), driver().name);
    std::set<std::string> known = {"every", "deadline", "tags", "name", "decides", "report"};
    for (const OptionSpec& option : driver().options) known.insert(std::string(option.name));
    for (const auto& option : options) {
      EXPECT_TRUE(known.count(option.first.as<std::string>())) << option.first;
    }
    EXPECT_NO_THROW(options_from_yaml(driver(), YAML::Dump(options)));
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryDriver, testing::ValuesIn(all_drivers().begin(), all_drivers().end()),
                         [](const auto& one) { return std::string(one.param->name); });

TEST(Registry, FindsEachDriverByItsName) {
  std::string_view previous;
  for (const DriverInfo* const driver : all_drivers()) {
    EXPECT_EQ(find_driver(driver->name), driver);
    EXPECT_NE(driver->make, nullptr);
    EXPECT_LT(previous, driver->name) << "by name";
    previous = driver->name;
  }
  EXPECT_EQ(find_driver("cpus"), nullptr);
  EXPECT_EQ(find_driver(""), nullptr);
}

}  // namespace
}  // namespace vigile
