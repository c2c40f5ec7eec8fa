// SPDX-License-Identifier: Apache-2.0
// What `vigilectl cleanup --remote` deletes: only points that this site wrote, known by their tag site_id.
#include <optional>

#include "ctl/configured_sinks.h"
#include "ctl/server_commands.h"

namespace vigile {

namespace {

class ServerData final : public RemoteData {
 public:
  explicit ServerData(const std::string& config) : config_(config) {}

  Result<std::vector<std::string>> sinks() override {
    if (const auto read = load(); !read) return read.error();
    std::vector<std::string> names;
    for (const SinkSettings& sink : settings_->sinks) {
      if (sink.kind == "influx") names.push_back(sink.name);
    }
    return names;
  }

  Result<RemoteCleanup> delete_before(const std::string& sink, std::int64_t before_ns,
                                      const std::string& equipment_id, bool dry_run) override {
    if (const auto read = load(); !read) return read.error();
    const auto found = influx_sink_named(*settings_, sink);
    if (!found) return found.error();
    auto server = influx_settings(**found);
    if (!server) return server.error();
    influx_sink::Selection selection{.start_ns = 0, .stop_ns = before_ns};
    selection.conditions.push_back({"site_id", settings_->site_id});
    if (!equipment_id.empty()) selection.conditions.push_back({"equipment_id", equipment_id});
    RemoteCleanup cleanup{.sink = sink, .target = described(*server), .points = std::nullopt};
    influx_sink::InfluxClient client(std::move(*server));
    const auto count = client.count_data(selection);
    if (!count && dry_run) return count.error();
    if (count) cleanup.points = *count;
    if (dry_run) return cleanup;
    if (const auto done = client.delete_data(selection); !done) return done.error();
    return cleanup;
  }

 private:
  Result<void> load() {
    if (settings_) return {};
    auto read = configured_settings(config_);
    if (!read) return read.error();
    settings_ = std::move(*read);
    return {};
  }

  const std::string& config_;
  std::optional<Settings> settings_;
};

}  // namespace

std::unique_ptr<RemoteData> server_data(const std::string& config) {
  return std::make_unique<ServerData>(config);
}

}  // namespace vigile
