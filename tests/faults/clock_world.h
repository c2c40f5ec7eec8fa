// SPDX-License-Identifier: Apache-2.0
// A device with a clock that can be wrong (DESIGN §6): sampling, log and delivery as vigiled wires them, on a
// disk that can lose its power, and a server that writes down what it is sent. The world knows what time it
// really is, and so what each stamp must be.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "app/writer.h"
#include "delivery/delivery.h"
#include "sampling/instance.h"
#include "support/power_cut_vfs.h"

namespace vigile {

// The time of the model, which is true, and what the device makes of it.
class WorldClock final : public Clock {
 public:
  WallTime wall() const override { return wall_from_ns(true_ns + wall_error_ns); }
  BootTime boot() const override { return boot_from_ns(true_ns - booted_ns); }
  // The year of the build is 2026 here.
  bool wall_is_set() const override;
  std::string boot_id() const override { return "boot-" + std::to_string(boot_number); }

  std::int64_t true_ns = 1793491200'000000000;  // 2026-11-01
  std::int64_t booted_ns = true_ns;
  std::int64_t wall_error_ns = 0;
  bool is_synchronised = true;
  bool requires_sync = false;
  int boot_number = 0;
};

class ClockWorld {
 public:
  struct Options {
    std::uint64_t seed = 1;
    bool requires_sync = false;
  };
  explicit ClockWorld(const Options& options);
  ~ClockWorld();

  // Events. A boot begins at 1970 and not synchronised when the device has no battery clock.
  void boot(bool has_clock);
  void cut_power();                            // at once; what is not committed is gone
  void cut_power_at_call(std::uint64_t call);  // the disk's, counted from now; cut_power() must follow
  void set_clock();                            // to the true time, and synchronised
  void step_clock(std::chrono::nanoseconds by) { clock_.wall_error_ns += by.count(); }
  void set_wall(std::int64_t wall_ns) { clock_.wall_error_ns = wall_ns - clock_.true_ns; }
  void set_synchronised(bool is) { clock_.is_synchronised = is; }
  // A sample each second; commits, repairs and sends as it comes due.
  void run_for(std::chrono::seconds time);

  // Called once, from within the next run of the driver, or while the next batch is under way.
  std::function<void()> during_run;
  std::function<void()> during_batch;
  bool server_is_up = true;
  bool loses_answers = false;  // stores, and says that it did not

  // The writer's turn now, amid something else.
  void commit_step();
  // Sends all there is. False when something is left.
  bool drain();

  // What was wrong, in words; empty when all was as promised.
  std::vector<std::string> wrong;
  // Compares what arrived with what had to. At the end, after drain().
  void check_all();

  WorldClock& clock() { return clock_; }
  bool believes() const { return boots_.back().is_believed; }
  std::uint64_t sent_lines() const { return sent_lines_; }
  std::uint64_t stored() const { return stored_.size(); }
  std::uint64_t committed() const { return committed_.size(); }
  std::uint64_t estimated() const { return estimated_; }
  std::int64_t stored_ns(std::uint64_t seq) const { return stored_.at(seq).time_ns; }
  std::uint64_t next_seq() const { return truth_.size(); }
  std::int64_t true_ns(std::uint64_t seq) const { return truth_.at(seq).true_ns; }
  bool has_stored(std::uint64_t seq) const { return stored_.contains(seq); }
  bool is_off() const { return is_off_; }

 private:
  class RecordingSink;
  class NumberingDriver;

  // What §6 says of a boot: whether its clock was believed, and how far it was from the truth then.
  struct Boot {
    bool is_believed = false;
    // Believed before all that was unset was repaired: with one of these it was.
    std::vector<std::int64_t> repair_errors_ns;
    std::int64_t error_ns = 0;  // as last believed
    bool is_repaired = false;   // a step of the writer has ended since: its times are exact whatever comes
  };
  struct Truth {
    std::size_t boot = 0;
    std::int64_t true_ns = 0;
    bool was_unset = false;
    std::int64_t stamp_ns = 0;  // expected, unless was_unset
  };
  struct Stored {
    std::string line;
    std::int64_t time_ns = 0;
    bool is_estimated = false;
  };

  void look();  // at the clock: device and model alike
  void start();
  void step();
  void take(const std::string& lines);
  void take_line(const std::string& line);
  void complain(const std::string& what);

  WorldClock clock_;
  std::mt19937_64 random_;
  std::unique_ptr<PowerCutDisk> disk_;
  bool is_off_ = false;

  // Of one boot.
  std::unique_ptr<Log> log_;
  std::unique_ptr<Timeline> timeline_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<RecordingSink> sink_;
  std::unique_ptr<Delivery> delivery_;

  std::vector<Boot> boots_;
  std::vector<Truth> truth_;                 // by the number of the sample
  std::map<std::uint64_t, bool> committed_;  // those that the log had said it had
  std::map<std::uint64_t, Stored> stored_;   // at the server
  std::optional<std::uint64_t> last_new_;    // the last number that came for the first time
  std::uint64_t sent_lines_ = 0;
  std::uint64_t estimated_ = 0;
};

}  // namespace vigile
