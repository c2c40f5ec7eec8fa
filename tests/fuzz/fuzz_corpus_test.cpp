// SPDX-License-Identifier: Apache-2.0
// The fuzzers' corpora as ordinary tests: seeds, what reached new code, and what once broke.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "core/file.h"
#include "core/logging.h"
#include "targets.h"

namespace vigile {
namespace {

struct Target {
  const char* name;
  Fault (*fault)(std::string_view input);
};

class FuzzCorpus : public testing::TestWithParam<Target> {};

TEST_P(FuzzCorpus, HoldsWhatMustHold) {
  log::set_level(log::Level{});
  const std::filesystem::path folder =
      std::filesystem::path(VIGILE_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam().name;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto text = read_file(entry.path());
    ASSERT_TRUE(text) << text.error().message;
    // Its own allocation, exactly as long, so that the sanitizers see a read past the end.
    const std::unique_ptr<char[]> exact(new char[text->size()]);
    std::copy(text->begin(), text->end(), exact.get());
    EXPECT_EQ(GetParam().fault({exact.get(), text->size()}), std::nullopt) << entry.path();
    EXPECT_EQ(GetParam().fault({}), std::nullopt) << "nothing at all";
    ++files;
  }
  EXPECT_GE(files, 5);
}

constexpr Target kTargets[] = {
    {"driver", driver_fault},
    {"http_request", http_request_fault},
    {"line_decode", line_decode_fault},
    {"literal", literal_fault},
    {"log_file", log_file_fault},
    {"lp_encode", lp_encode_fault},
#ifdef VIGILE_HAS_MODBUS
    {"modbus", modbus_fault},
#endif
    {"mqtt_message", mqtt_message_fault},
    {"query_answer", query_answer_fault},
    {"settings", settings_fault},
    {"settings_layer", settings_layer_fault},
#ifdef VIGILE_HAS_SNMP
    {"snmp", snmp_fault},
#endif
    {"spoken", spoken_fault},
    {"stored_bytes", stored_bytes_fault},
    {"write_answer", write_answer_fault},
};

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(kTargets),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace vigile
