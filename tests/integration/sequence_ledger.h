// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vigile {

// Which sequence numbers of the simulate driver were seen, run by run (tag `run`), and with what content: to
// compare what was committed with what arrived. Content is kept as a hash of metric, value and time.
class SequenceLedger {
 public:
  // All that a log holds. Throws std::runtime_error when it cannot be read.
  static SequenceLedger from_log(const std::filesystem::path& database);

  void add(const std::string& run, std::uint64_t seq, std::string_view metric, double value,
           std::int64_t time_ns);
  // A line as the daemon sends it; lines without a `seq` are passed over. Throws when it is not line
  // protocol.
  void add_line(std::string_view line);

  std::uint64_t size() const;
  std::map<std::string, std::uint64_t> runs() const;      // how many of each
  std::uint64_t holes(const std::string& run) const;      // numbers below the largest that were not seen
  std::uint64_t conflicts() const { return conflicts_; }  // numbers seen with two contents
  // Numbers that `other` has not, or has with other content.
  std::uint64_t missing_in(const SequenceLedger& other) const;

 private:
  std::map<std::string, std::vector<std::uint64_t>> runs_;  // index: seq; 0: not seen
  std::uint64_t conflicts_ = 0;
};

}  // namespace vigile
