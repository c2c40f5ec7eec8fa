// SPDX-License-Identifier: Apache-2.0
#include "clock_world.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace vigile {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kTolerance = 10'000'000;  // of a stamp: 10 ms

std::string_view after(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  return at == std::string_view::npos ? std::string_view() : line.substr(at + key.size());
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t seq_of(std::string_view line) {
  return number<std::uint64_t>(after(line, " value="));
}

template <class Use>
void for_each_line(std::string_view lines, const Use& use) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    use(std::string(lines.substr(0, end)));
    lines.remove_prefix(end + 1);
  }
}

}  // namespace

bool WorldClock::wall_is_set() const {
  const auto date = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(wall()));
  return int(date.year()) >= 2026 && (!requires_sync || is_synchronised);
}

// Gives each sample the next number, and writes down when it was taken.
class ClockWorld::NumberingDriver final : public Driver {
 public:
  explicit NumberingDriver(ClockWorld& world) : world_(world) {}
  Result<void> sample(const SampleContext& context, Output& out) override {
    Boot& boot = world_.boots_.back();
    const std::int64_t true_ns = world_.clock_.booted_ns + to_ns(context.started);
    world_.truth_.push_back(Truth{.boot = world_.boots_.size() - 1,
                                  .true_ns = true_ns,
                                  .was_unset = !boot.is_believed,
                                  .stamp_ns = true_ns + boot.error_ns});
    if (const auto event = std::exchange(world_.during_run, nullptr)) event();
    if (world_.truth_.back().was_unset && boot.is_believed) boot.is_repaired = false;  // this one comes late
    const std::array values = {Value{"n", "n", static_cast<double>(world_.truth_.size() - 1)}};
    out.add(Sample{.measurement = "m", .values = values});
    return {};
  }

 private:
  ClockWorld& world_;
};

class ClockWorld::RecordingSink final : public Sink {
 public:
  explicit RecordingSink(ClockWorld& world) : world_(world) {}
  Outcome deliver(const Batch& batch, std::stop_token) override {
    std::string lines;
    for (const Payload& payload : batch.payloads) lines += inflate_payload(payload).value_or("?\n");
    if (const auto event = std::exchange(world_.during_batch, nullptr)) event();
    if (world_.is_off_ || !world_.server_is_up) return {.message = "down"};
    world_.take(lines);
    if (world_.loses_answers && world_.random_() % 3 == 0) return {.message = "reset"};
    return {.kind = Outcome::Kind::accepted};
  }
  std::uint64_t max_batch_bytes() const override { return 1 << 20; }
  void close(std::chrono::nanoseconds) override {}

 private:
  ClockWorld& world_;
};

ClockWorld::ClockWorld(const Options& options)
    : random_(options.seed), disk_(std::make_unique<PowerCutDisk>()) {
  clock_.requires_sync = options.requires_sync;
}

ClockWorld::~ClockWorld() = default;

void ClockWorld::complain(const std::string& what) {
  if (wrong.size() < 10) wrong.push_back(what);
}

void ClockWorld::boot(bool has_clock) {
  if (log_) cut_power();
  clock_.true_ns += std::chrono::nanoseconds(30s).count();
  clock_.booted_ns = clock_.true_ns;
  ++clock_.boot_number;
  clock_.is_synchronised = has_clock;
  clock_.wall_error_ns = has_clock ? 0 : -clock_.true_ns;
  boots_.push_back({});
  start();
}

void ClockWorld::start() {
  LogOptions options;
  options.path = "/store/log.db";
  options.files = disk_.get();
  auto opened = Log::open(options, clock_);
  if (!opened) throw std::runtime_error(opened.error().message);
  log_ = std::move(*opened);
  if (const auto told = log_->set_sinks({"s"}); !told) throw std::runtime_error(told.error().message);
  timeline_ = std::make_unique<Timeline>(clock_);
  committer_ = std::make_unique<Committer>(
      *log_, CommitterOptions{}, clock_,
      [this](std::uint64_t, std::string_view lines) {
        for_each_line(lines, [this](const std::string& line) { committed_[seq_of(line)] = true; });
      },
      [] {});
  writer_ = std::make_unique<Writer>(*log_, *committer_, *timeline_, clock_);
  instance_ = std::make_unique<Instance>(
      InstanceOptions{.name = "n", .driver = "n", .every = 1s}, EquipmentIdentity{"1", "n", "other", ""},
      WireFormat{}, std::make_unique<NumberingDriver>(*this), clock_, *timeline_,
      [this](ClockState clock, const LineWriter::Lines& lines) {
        committer_->add(clock, lines.first_ns, lines.last_ns, lines.points, lines.text);
      });
  sink_ = std::make_unique<RecordingSink>(*this);
  delivery_ = Delivery::make({.sink = "s", .every = 2s, .batch_bytes = 4000, .seed = random_()}, *log_,
                             *sink_, clock_);
  look();
}

void ClockWorld::cut_power_at_call(std::uint64_t call) {
  const std::uint64_t at = disk_->calls + call;
  disk_->on_call = [this, at](const PowerCutDisk::Call&) {
    if (disk_->calls >= at) is_off_ = true;
    return is_off_ ? PowerCutDisk::Fault::io : PowerCutDisk::Fault::none;
  };
}

void ClockWorld::cut_power() {
  // Nothing that the dying process still does comes to the disk.
  const PowerCutDisk::Image image = disk_->cut(PowerCutDisk::Keep::some, random_);
  is_off_ = true;
  disk_->on_call = [](const PowerCutDisk::Call&) { return PowerCutDisk::Fault::io; };
  delivery_.reset();
  writer_.reset();
  instance_.reset();
  committer_.reset();
  log_.reset();
  disk_ = std::make_unique<PowerCutDisk>();
  disk_->load(image);
  is_off_ = false;
}

void ClockWorld::set_clock() {
  clock_.wall_error_ns = 0;
  clock_.is_synchronised = true;
}

void ClockWorld::look() {
  Boot& boot = boots_.back();
  if (clock_.wall_is_set()) {
    if (!boot.is_repaired) boot.repair_errors_ns.push_back(clock_.wall_error_ns);
    boot.is_believed = true;
    boot.error_ns = clock_.wall_error_ns;
  }
  (void)timeline_->now();
}

void ClockWorld::commit_step() {
  look();
  writer_->step();
  if (!is_off_ && boots_.back().is_believed && !log_->has_unset_times()) boots_.back().is_repaired = true;
}

void ClockWorld::step() {
  commit_step();
  if (is_off_) return;
  for (int i = 0; i < 50; ++i) {
    if (delivery_->step({}) > clock_.boot()) break;
  }
}

void ClockWorld::run_for(std::chrono::seconds time) {
  for (auto left = time; left > 0s && !is_off_; left -= 1s) {
    look();
    if (instance_->begin(clock_.boot())) instance_->run({});
    step();
    clock_.true_ns += std::chrono::nanoseconds(1s).count();
    step();
  }
}

bool ClockWorld::drain() {
  server_is_up = true;
  loses_answers = false;
  for (int i = 0; i < 20; ++i) {
    clock_.true_ns += std::chrono::nanoseconds(5s).count();
    delivery_->flush();
    step();
    if (log_->status().sinks.at(0).points == 0) return true;
  }
  return false;
}

void ClockWorld::take(const std::string& lines) {
  for_each_line(lines, [this](const std::string& line) { take_line(line); });
}

void ClockWorld::take_line(const std::string& line) {
  ++sent_lines_;
  const std::uint64_t seq = seq_of(line);
  if (seq >= truth_.size()) return complain("never sampled: " + line);
  const Truth& truth = truth_[seq];
  if (truth.was_unset && !boots_.back().is_believed && truth.boot == boots_.size() - 1) {
    complain("sent before the clock was set: " + line);
  }
  const auto known = stored_.find(seq);
  if (known != stored_.end()) {
    if (known->second.line != line) complain("sent before as " + known->second.line + ", now: " + line);
    return;
  }
  // What waited for the clock through a boot that had none may be overtaken; nothing else may.
  const bool may_be_late = truth.was_unset && truth.boot != boots_.size() - 1;
  if (last_new_ && seq < *last_new_ && !may_be_late)
    complain("overtaken by " + std::to_string(*last_new_) + ": " + line);
  last_new_ = std::max(last_new_.value_or(0), seq);
  const bool is_estimated = line.find(",clock=estimated") != std::string::npos;
  stored_[seq] = Stored{line, number<std::int64_t>(line.substr(line.rfind(' ') + 1)), is_estimated};
  estimated_ += is_estimated ? 1 : 0;
}

void ClockWorld::check_all() {
  for (const auto& [seq, is_committed] : committed_) {
    if (!stored_.contains(seq)) complain("committed and not there: " + std::to_string(seq));
  }
  const Stored* before = nullptr;
  std::uint64_t before_seq = 0;
  for (const auto& [seq, stored] : stored_) {
    const Truth& truth = truth_[seq];
    const Boot& boot = boots_[truth.boot];
    const std::string what =
        std::to_string(seq) + " of boot " + std::to_string(truth.boot) + ": " + stored.line;
    if (!stored.is_estimated) {
      const auto is_near = [&](std::int64_t expected) {
        return std::llabs(stored.time_ns - expected) <= kTolerance;
      };
      const bool is_right =
          truth.was_unset ? std::any_of(boot.repair_errors_ns.begin(), boot.repair_errors_ns.end(),
                                        [&](std::int64_t error) { return is_near(truth.true_ns + error); })
                          : is_near(truth.stamp_ns);
      if (!is_right) {
        complain("off by " + std::to_string((stored.time_ns - truth.true_ns) / 1'000'000) +
                 " ms from the true time, which the wall clock was not: " + what);
      }
      if (truth.was_unset && !boot.is_believed) complain("nobody could know its time: " + what);
    } else {
      if (!truth.was_unset) complain("an estimate, though its clock was set: " + what);
      if (boot.is_repaired) complain("an estimate, though its boot saw a clock: " + what);
      if (before != nullptr) {
        const std::int64_t apart = stored.time_ns - before->time_ns;
        if (apart <= 0) complain("not after what was before: " + what);
        // Within a boot estimates are as far apart as the samples were.
        if (before->is_estimated && truth_[before_seq].boot == truth.boot &&
            std::llabs(apart - (truth.true_ns - truth_[before_seq].true_ns)) > kTolerance) {
          complain("not as far from the one before as it was: " + what);
        }
      }
    }
    before = &stored;
    before_seq = seq;
  }
}

}  // namespace vigile
