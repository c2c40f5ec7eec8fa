// SPDX-License-Identifier: Apache-2.0
#include "app/agent.h"

#include <algorithm>

#include "catalog/catalog.h"
#include "core/logging.h"
#include "core/units.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

ApiOptions api_options(const ApiSettings& api, std::optional<int> inherited_socket) {
  ApiOptions options;
  options.socket = api.socket;
  options.inherited_fd = inherited_socket.value_or(-1);
  options.listen = api.listen;
  options.token = api.token;
  options.question_bytes = api.question_memory;
  return options;
}

}  // namespace

Agent::Agent(AgentOptions options, const Clock& clock, ServiceManager& manager)
    : clock_(clock),
      manager_(manager),
      source_(std::move(options.source)),
      inherited_socket_(options.inherited_socket),
      started_(clock.boot()),
      timeline_(clock),
      settings_(std::move(options.settings)) {}

Agent::~Agent() = default;

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options, const Clock& clock,
                                            ServiceManager& manager) {
  std::unique_ptr<Agent> agent(new Agent(std::move(options), clock, manager));
  if (const auto opened = agent->open(); !opened) return opened.error();
  return agent;
}

AssemblyContext Agent::assembly_context() {
  const LineIntake intake = [this](ClockState clock, const LineWriter::Lines& lines) {
    committer_->add(clock, lines.first_ns, lines.last_ns, lines.points, lines.text);
  };
  return AssemblyContext{
      .clock = clock_,
      .timeline = timeline_,
      .intake = intake,
      .agent_figures = [this] { return figures(); },
      .observer = observer_.get(),
      .commit = [this](std::span<const NewSegment> lines) { return committer_->commit(lines); },
      .namer = metric_namer()};
}

Result<void> Agent::open() {
  const Settings settings = current_settings();
  LogOptions options = log_options(settings.store);
  options.may_be_away = true;
  auto opened = Log::open(options, clock_);
  if (!opened) return opened.error();
  log_ = std::move(*opened);
  if (const auto known = log_->set_sinks(sink_names(settings)); !known) return known.error();
  last_alive_ns_ = log_->history().last_alive_ns();
  committer_ = std::make_unique<Committer>(
      *log_, committer_options(settings.store), clock_,
      [this](std::uint64_t, std::string_view lines) { feed_.publish(lines); },
      [this] { writer_->wakeup().notify(); });
  committer_->set_sinks(sink_names(settings));
  writer_ = std::make_unique<Writer>(*log_, *committer_, timeline_, clock_,
                                     [this](const Timeline::Mapping& mapping) { record_gap(mapping); });
  writer_->set_budget(budget_options(settings.store));
  if (const auto ready = open_equipment(settings); !ready) return ready.error();
  scheduler_ = std::make_unique<Scheduler>(clock_, timeline_, [this] {
    lanes_.start([this](std::stop_token stop) { scheduler_->serve_lane(stop); });
  });

  std::vector<SettingsError> errors;
  const auto instances = build_instances(settings, nullptr, assembly_context(), errors);
  auto sinks = build_sinks(settings, nullptr, clock_, errors);
  if (!errors.empty()) return Error{ErrorKind::config, to_string(errors.front())};

  if (const auto listening = open_api(); !listening) return listening.error();
  scheduler_->add(instances);
  start_threads();
  for (BuiltSink& sink : sinks) start_sink(std::move(sink));
  start_receiver();
  serve_api();  // last: whoever asks is told of all that is above
  const LogStatus log = log_->status();
  log::info("started: site " + settings.site_id + ", device " + settings.device + ", " +
            std::to_string(instances.size()) + " drivers, " + std::to_string(sinks.size()) + " sinks, " +
            std::to_string(log.points) + " points held in " + settings.store.path.string());
  return {};
}

Result<void> Agent::open_api() {
  auto server = ApiServer::open(api_options(current_settings().api, inherited_socket_), *this, clock_);
  if (!server) return server.error();
  api_ = std::move(*server);
  return {};
}

void Agent::serve_api() {
  api_thread_ = std::make_unique<ThreadGroup>();
  api_thread_->start([server = api_.get()](std::stop_token stop) { server->run(stop); });
  api_thread_->start([server = api_.get()](std::stop_token stop) { server->run_worker(stop); });
}

void Agent::restart_askers() {
  if (remote_changed_.exchange(false)) start_receiver();
  if (!api_changed_.exchange(false)) return;
  api_thread_.reset();  // joins
  api_.reset();
  if (const auto listening = open_api(); !listening) {
    log::error("status socket: " + listening.error().message + "; a reload tries again");
    return;
  }
  serve_api();
}

void Agent::start_threads() {
  writer_thread_.start([this](std::stop_token stop) { writer_->run(stop); });
  upkeep_thread_.start([this](std::stop_token stop) { upkeep_->run(stop); });
  sampler_thread_.start([this](std::stop_token stop) {
    while (!stop.stop_requested()) {
      sampler_heartbeat_.busy(clock_.boot());
      const auto next = scheduler_->run_due(stop);
      sampler_heartbeat_.idle(next);
      scheduler_->wakeup().wait_until(clock_, next, stop);
    }
  });
}

void Agent::start_sink(BuiltSink built) {
  const MutexLock lock(wiring_mutex_);
  RunningSink& sink = sinks_.emplace_back();
  sink.runner =
      std::make_unique<SinkRunner>(built.settings, std::move(built.sink), *log_, *committer_, clock_);
  sink.thread.start([runner = sink.runner.get()](std::stop_token stop) { runner->run(stop); });
}

std::vector<std::string> Agent::stop_sinks(const std::vector<std::string>* names,
                                           std::chrono::nanoseconds limit) {
  std::list<RunningSink> stopping;
  {
    const MutexLock lock(wiring_mutex_);
    for (auto sink = sinks_.begin(); sink != sinks_.end();) {
      const auto at = sink++;
      const std::string& name = at->runner->settings().name;
      if (names == nullptr || std::find(names->begin(), names->end(), name) != names->end()) {
        stopping.splice(stopping.end(), sinks_, at);
      }
    }
  }
  for (RunningSink& sink : stopping) sink.thread.request_stop();
  const BootTime end = clock_.boot() + limit;
  const auto ended = [&](RunningSink& sink) {
    return sink.thread.join_within(std::max<std::chrono::nanoseconds>(end - clock_.boot(), 0ns));
  };
  stopping.remove_if(ended);
  std::vector<std::string> hang;
  for (const RunningSink& sink : stopping) hang.push_back(sink.runner->settings().name);
  const MutexLock lock(wiring_mutex_);
  left_behind_.remove_if([](RunningSink& sink) { return sink.thread.join_within(0ns); });
  left_behind_.splice(left_behind_.end(), stopping);
  return hang;
}

bool Agent::stop(std::chrono::nanoseconds limit) {
  const BootTime end = clock_.boot() + limit;
  const auto left = [&] { return std::max<std::chrono::nanoseconds>(end - clock_.boot(), 100ms); };
  // Nothing is started by a reload any more.
  if (receiver_thread_) receiver_thread_->request_stop();
  sampler_thread_.request_stop();
  if (api_thread_) api_thread_->request_stop();
  lanes_.request_stop();
  upkeep_thread_.request_stop();
  bool all_ended = !receiver_thread_ || receiver_thread_->join_within(limit / 4);
  all_ended = sampler_thread_.join_within(limit / 4) && all_ended;
  all_ended = lanes_.join_within(limit / 4) && all_ended;
  if (!all_ended) log::warning("stopping: a driver hangs and is left behind");
  all_ended = upkeep_thread_.join_within(left()) && all_ended;
  // The readings are safe before anything else may take its time.
  if (const auto committed = committer_->commit_now(); !committed) {
    log::error("stopping: the last readings are not committed: " + committed.error().message);
    committer_->hand_out_now();
  }
  const auto hanging = stop_sinks(nullptr, left());
  if (const MutexLock lock(wiring_mutex_); !hanging.empty() || !left_behind_.empty()) {
    log::warning("stopping: a sink hangs and is left behind");
    all_ended = false;
  }
  if (const auto lost = committer_->unsent_points(); lost > 0) {
    log::error("stopping: " + std::to_string(lost) +
               " points are lost: neither the log nor every sink has them");
  }
  writer_thread_.request_stop();
  all_ended = writer_thread_.join_within(left()) && all_ended;
  if (api_thread_) all_ended = api_thread_->join_within(left()) && all_ended;
  if (const Stamp ended = stamp(); ended.clock == ClockState::set) {
    if (const auto kept = log_->history().set_last_alive(ended.now_ns); !kept) {
      log::warning("stopping: the time of the end is not kept: " + kept.error().message);
    }
  }
  if (const auto flushed = log_->flush(); !flushed) {
    log::warning("stopping: acknowledgements not written, they will be sent again: " +
                 flushed.error().message);
  }
  return all_ended;
}

}  // namespace vigile
