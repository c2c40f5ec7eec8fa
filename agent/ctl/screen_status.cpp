// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/units.h"
#include "ctl/json_access.h"
#include "ctl/screen.h"
#include "ctl/table.h"
#include "ctl/text.h"

namespace vigile {

namespace {

constexpr std::size_t kShortList = 12;  // rows of a table unless all are asked for

Colour state_colour(const std::string& state) {
  if (state == "paused" || state == "conflict" || state == "failing" || state == "stuck") return Colour::red;
  if (state == "retrying" || state == "waiting" || state == "starting") return Colour::yellow;
  return Colour::green;
}

std::string ago(const Json& object, const char* key, const std::string& now) {
  const auto passed = seconds_between(raw_text_at(object, key), now);
  return passed ? age(*passed) + " ago" : "never";
}

std::string age_or_dash(const Json& object, const char* key) {
  const auto seconds = number_at(object, key);
  return seconds ? age(*seconds) : "-";
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

void append_header(const Json& status, const ScreenStyle& style, std::string& out) {
  const bool healthy = flag_at(status, "healthy");
  const std::string health = healthy ? "healthy" : "FAILING";
  std::string site = text_at(status, "site_name");
  site +=
      (site.empty() ? "site " : " (site ") + or_dash(text_at(status, "site_id")) + (site.empty() ? "" : ")");
  std::string left = site + " · " + or_dash(text_at(status, "device"));
  const std::size_t room = style.width - columns(health) - 2;
  if (!style.whole) left = cut(left, room);
  out += coloured(left, Colour::bold, style.colour) +
         std::string(std::max(room, columns(left)) - columns(left) + 2, ' ') +
         coloured(health, healthy ? Colour::green : Colour::red, style.colour) + "\n";
  std::string second = "vigiled " + or_dash(text_at(status, "version")) + " · up " +
                       age_or_dash(status, "uptime_s") + " · pid " +
                       std::to_string(static_cast<std::int64_t>(number_at(status, "pid").value_or(0)));
  if (const std::string file = text_at(status, "config_file"); !file.empty()) second += " · " + file;
  out += cut(second, table_width(style)) + "\n";
  if (!healthy) {
    for (const std::string& line :
         wrapped(or_dash(text_at(status, "unhealthy_reason")).substr(0, 500), style.width - 2)) {
      out += "  " + coloured(line, Colour::red, style.colour) + "\n";
    }
  }
  const std::string clock = text_at(status, "clock");
  if (clock == "set") {
    out += "clock set, " + text_at(status, "now") + "\n";
  } else {
    out += coloured("clock " + or_dash(clock) + ": readings wait until it is set", Colour::yellow,
                    style.colour) +
           "\n";
  }
  for (const Json& note : at(status, "notes")) {
    if (!note.is_string()) continue;
    for (const std::string& line : wrapped(harmless(note.get<std::string>()), style.width))
      out += coloured(line, Colour::yellow, style.colour) + "\n";
  }
}

// Why a sink does not deliver, on at most three lines (with --all on as many as it takes), and when it tries
// again.
void note_reason(const Json& sink, Colour colour, const ScreenStyle& style, Table& table) {
  const std::string reason = text_at(sink, "reason");
  if (reason.empty()) return;
  const bool short_one = !style.all && !style.whole;
  std::string text = short_one ? cut(reason, 3 * (style.width - 2) - 30) : reason;
  if (const auto next_try = number_at(sink, "next_try_s")) text += "; next try in " + age(*next_try);
  for (std::string& line : wrapped(text, style.width - 2)) table.note(std::move(line), colour);
}

std::string sinks_table(const Json& status, const ScreenStyle& style) {
  const std::string now = raw_text_at(status, "now");
  Table table({{"SINK", false, true},
               {"KIND", false, true},
               {"STATE"},
               {"LAG POINTS", true},
               {"LAG AGE", true},
               {"LAST ACK", true}});
  std::size_t left_out = 0;
  std::size_t rows = 0;
  for (const Json& sink : at(status, "sinks")) {
    if (!style.all && rows++ >= kShortList) {
      ++left_out;
      continue;
    }
    const std::string state = or_dash(text_at(sink, "state"));
    table.add({text_at(sink, "name"), text_at(sink, "kind"), Cell(state, state_colour(state)),
               grouped(count_at(sink, "lag_points")), age_or_dash(sink, "lag_s"),
               ago(sink, "last_acknowledged", now)});
    note_reason(sink, state_colour(state), style, table);
  }
  if (table.empty()) return "No sinks: readings are kept on the device.\n";
  std::string out = table.render(table_width(style), style.colour);
  if (left_out > 0) out += "… and " + std::to_string(left_out) + " more (--all)\n";
  return out;
}

// What needs eyes first.
int urgency(const Json& driver) {
  const std::string state = raw_text_at(driver, "state");
  if (state == "stuck") return 0;
  if (state == "failing" || state == "conflict") return 1;
  return 2;
}

// A driver's last error: its beginning, or all of it.
void note_error(const Json& driver, Colour colour, const ScreenStyle& style, Table& table) {
  const std::string error = text_at(driver, "last_error");
  if (error.empty()) return;
  if (!style.all) {
    table.note(error, colour);
    return;
  }
  for (std::string& line : wrapped(error, style.width - 2)) table.note(std::move(line), colour);
}

std::string drivers_table(const Json& status, const ScreenStyle& style) {
  std::vector<const Json*> drivers;
  for (const Json& driver : at(status, "drivers")) drivers.push_back(&driver);
  if (drivers.empty()) return "No drivers: nothing is sampled.\n";
  std::stable_sort(drivers.begin(), drivers.end(),
                   [](const Json* a, const Json* b) { return urgency(*a) < urgency(*b); });
  std::size_t left_out = 0;
  if (!style.all && drivers.size() > kShortList) {
    left_out = drivers.size() - kShortList;
    drivers.resize(kShortList);
  }
  const std::string now = raw_text_at(status, "now");
  Table table({{"DRIVER", false, true},
               {"STATE"},
               {"EVERY", true},
               {"TOOK", true},
               {"RUNS", true},
               {"ERRORS", true},
               {"LATE", true},
               {"LAST RUN", true}});
  for (const Json* driver : drivers) {
    const std::string state = or_dash(text_at(*driver, "state"));
    const auto every = number_at(*driver, "every_s");
    const auto took = number_at(*driver, "last_duration_ms");
    const std::uint64_t runs = count_at(*driver, "runs");
    table.add({text_at(*driver, "name"), Cell(state, state_colour(state)), every ? span(*every) : "-",
               took && runs > 0 ? span(*took / 1000) : "-", grouped(runs),
               grouped(count_at(*driver, "errors")), grouped(count_at(*driver, "late_ticks")),
               ago(*driver, "last_run", now)});
    if (const auto stuck = number_at(*driver, "stuck_for_s")) {
      table.note("has not come back for " + age(*stuck), Colour::red);
    }
    note_error(*driver, state_colour(state), style, table);
  }
  std::string out = table.render(table_width(style), style.colour);
  if (left_out > 0) out += "… and " + std::to_string(left_out) + " more (--all)\n";
  return out;
}

void append_store(const Json& status, const ScreenStyle& style, std::string& out) {
  const Json& log = at(status, "log");
  out += "store    " + format_size(count_at(log, "size_bytes")) + " of " +
         format_size(count_at(log, "max_size_bytes")) + " · " + grouped(count_at(log, "points")) +
         " points held · " + format_size(count_at(status, "flash_bytes_today")) + " written today\n";
  const auto lost = count_at(log, "dropped_points") + count_at(status, "ring_dropped_points");
  const auto letters = count_at(log, "dead_letters");
  const auto damaged = count_at(log, "damaged_segments");
  std::string second = grouped(count_at(status, "waiting_points")) + " waiting · " + grouped(lost) +
                       " dropped · " + grouped(letters) + " dead letters";
  if (damaged > 0) second += " · " + grouped(damaged) + " damaged segments";
  out += "         " +
         coloured(second, lost + letters + damaged > 0 ? Colour::yellow : Colour::none, style.colour) + "\n";
  if (const auto budget = count_at(status, "write_budget_bytes"); budget > 0) {
    const bool exceeded = at(status, "write_budget_exceeded") == Json(true);
    const auto window = std::chrono::milliseconds(
        static_cast<std::int64_t>(number_at(status, "loss_window_s").value_or(0) * 1000));
    out += "         " +
           coloured("write budget " + format_size(budget) + " a day" + (exceeded ? ", exceeded" : "") +
                        " · a power cut loses " + format_duration(window),
                    exceeded ? Colour::yellow : Colour::none, style.colour) +
           "\n";
  }
  if (const auto unrecorded = count_at(status, "unrecorded_points"); unrecorded > 0) {
    out += "         " +
           coloured(grouped(unrecorded) + " points delivered from memory are not in the history",
                    Colour::yellow, style.colour) +
           "\n";
  }
  if (const auto thinned = count_at(log, "thinned_points"); thinned > 0) {
    out += "         " +
           coloured(grouped(thinned) + " undelivered points thinned to " +
                        grouped(count_at(log, "thinned_made_points")),
                    Colour::yellow, style.colour) +
           "\n";
  }
  if (const std::string error = text_at(status, "commit_error"); !error.empty()) {
    for (const std::string& line : wrapped("cannot commit: " + error, style.width - 9)) {
      out += "         " + coloured(line, Colour::red, style.colour) + "\n";
    }
  }
  const double cpu = number_at(status, "cpu_seconds").value_or(0);
  const double uptime = number_at(status, "uptime_s").value_or(0);
  out += "process  " + format_size(count_at(status, "resident_bytes")) + " resident · " +
         format_size(count_at(status, "private_dirty_bytes")) + " its own · " + decimal(cpu, 1) + " s CPU";
  if (uptime > 0) out += " (" + decimal(100 * cpu / uptime, 2) + " %)";
  out += "\n";
}

void append_remote_settings(const Json& status, const ScreenStyle& style, std::string& out) {
  const Json& remote = at(status, "remote_settings");
  if (!remote.is_object()) return;
  const auto serial = count_at(remote, "serial");
  const auto trial_left = number_at(remote, "trial_left_s");
  out += "settings " +
         (serial == 0 ? "of this device alone" : "serial " + std::to_string(serial) + " from the broker") +
         (trial_left ? ", on trial for " + age(*trial_left) + " more" : "") + "\n";
  const auto note = [&](const std::string& text, Colour colour) {
    for (const std::string& line : wrapped(text.substr(0, 500), style.width - 9))
      out += "         " + coloured(line, colour, style.colour) + "\n";
  };
  if (const std::string conflict = text_at(remote, "conflict"); !conflict.empty())
    note("conflict: " + conflict, Colour::red);
  if (!flag_at(remote, "connected")) note("none can arrive: " + text_at(remote, "reason"), Colour::yellow);
  if (const auto failed = count_at(remote, "failed_serial"); failed > 0) {
    note("serial " + std::to_string(failed) + " was taken back: " + text_at(remote, "failed_reason"),
         Colour::red);
  }
  if (const std::string refused = text_at(remote, "refused"); !refused.empty())
    note("refused: " + refused, Colour::red);
}

}  // namespace

Result<std::string> render_status(std::string_view json, const ScreenStyle& style) {
  const auto status = parse_object(json);
  if (!status) return status.error();
  std::string out;
  append_header(*status, style, out);
  out += "\n" + sinks_table(*status, style) + "\n" + drivers_table(*status, style) + "\n";
  append_store(*status, style, out);
  append_remote_settings(*status, style, out);
  return out;
}

}  // namespace vigile
