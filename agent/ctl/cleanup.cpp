// SPDX-License-Identifier: Apache-2.0
// vigilectl cleanup: first what would go, then a question, then it is gone.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/units.h"
#include "ctl/equipment_commands.h"
#include "ctl/json_access.h"
#include "ctl/screen_equipment.h"
#include "ctl/text.h"

namespace vigile {

namespace {

class Cleanup {
 public:
  Cleanup(const CommandContext& context, const CleanupOptions& options, RemoteData* remote, WallTime before)
      : context_(context), options_(options), remote_(remote), before_(before) {}

  // All that is asked for; what came of it is printed, or kept in json(). An exit status.
  int run(bool dry_run) {
    if (options_.local || !options_.remote) {
      if (const int status = local(dry_run); status != kFine) return status;
    }
    return options_.remote ? remote(dry_run) : kFine;
  }
  const Json& json() const { return json_; }

 private:
  int local(bool dry_run) {
    Json body = {
        {"before", to_iso8601(before_)}, {"undelivered", options_.undelivered}, {"dry_run", dry_run}};
    if (!options_.equipment_id.empty()) body["equipment_id"] = options_.equipment_id;
    const auto answer = context_.client.send("POST", "/api/agent/cleanup", body.dump());
    if (!answer) return fail(answer.error());
    if (!answer->fine()) return refuse(*answer);
    const auto screen = render_removal(answer->body, context_.style);
    if (!screen) return fail(screen.error());
    if (context_.json) {
      json_["log"] = *parse_object(answer->body);
      return kFine;
    }
    print_screen(std::string("this device's log, ") + (dry_run ? "would go, " : "gone, ") + *screen);
    const auto waiting = count_at(*parse_object(answer->body), "undelivered_points");
    if (waiting > 0) {
      print_screen(options_.undelivered ? "  and go all the same (--undelivered)\n"
                                        : "  and stay (--undelivered takes them too)\n");
    }
    return kFine;
  }

  int remote(bool dry_run) {
    const auto sinks = remote_->sinks();
    if (!sinks) {
      complain(sinks.error().message);
      return kAnswerIsNo;
    }
    if (sinks->empty()) {
      complain("there is no influx sink in the settings");
      return kAnswerIsNo;
    }
    for (const std::string& sink : *sinks) {
      const auto done = remote_->delete_before(sink, to_ns(before_), options_.equipment_id, dry_run);
      if (!done) {
        complain("sink " + sink + ": " + done.error().message);
        return kAnswerIsNo;
      }
      if (context_.json) {
        json_["sinks"].push_back({{"sink", done->sink},
                                  {"target", done->target},
                                  {"points", done->points ? Json(*done->points) : Json(nullptr)}});
        continue;
      }
      print_screen("sink " + harmless(done->sink) + ", " + harmless(done->target) +
                   (dry_run ? ": would go, " : ": gone, ") + "before " + to_iso8601(before_) + ": " +
                   (done->points ? grouped(*done->points) + " points" : "all points") + "\n");
    }
    return kFine;
  }

  const CommandContext& context_;
  const CleanupOptions& options_;
  RemoteData* const remote_;
  const WallTime before_;
  Json json_ = Json::object();
};

}  // namespace

int cleanup_command(const CommandContext& context, const CleanupOptions& options, RemoteData* remote) {
  const auto age = parse_duration(options.older_than);
  if (!age || age->count() <= 0) {
    complain("--older-than " + options.older_than + ": expected a duration like 90d");
    return kUsage;
  }
  if (options.remote && remote == nullptr) {
    complain("--remote: this program was built without a client for servers");
    return kUsage;
  }
  const bool asks = !options.dry_run && !options.yes;
  if (asks && (context.json || ::isatty(STDIN_FILENO) != 1)) {
    complain("nothing is deleted without being asked for: --yes, or --dry-run to see what would go");
    return kUsage;
  }
  const WallTime before = SystemClock().wall() - *age;
  Cleanup cleanup(context, options, remote, before);
  if (options.dry_run || asks) {
    if (const int status = cleanup.run(true); status != kFine) return status;
    if (asks && !agreed()) {
      print_screen("Nothing is deleted.\n");
      return kAnswerIsNo;
    }
  }
  if (!options.dry_run) {
    if (const int status = cleanup.run(false); status != kFine) return status;
  }
  if (context.json) print_screen(cleanup.json().dump() + "\n");
  return kFine;
}

}  // namespace vigile
