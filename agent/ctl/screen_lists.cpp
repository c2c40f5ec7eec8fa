// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "core/units.h"
#include "ctl/json_access.h"
#include "ctl/screen.h"
#include "ctl/table.h"
#include "ctl/text.h"

namespace vigile {

namespace {

// "2026-11-01T00:00:00.000Z" without the milliseconds; "-" when absent.
std::string short_time(const Json& object, const char* key) {
  const std::string text = text_at(object, key);
  if (text.empty()) return "-";
  return text.substr(0, text.find('.')) + (text.find('.') == std::string::npos ? "" : "Z");
}

void note_wrapped(Table& table, const std::string& text, std::size_t width, Colour colour) {
  for (std::string& line : wrapped(text, width - 2)) table.note(std::move(line), colour);
}

// `of`: the option whose entries these are the keys of, "registers[].".
void add_options(const Json& options, const std::string& of, Table& table, const ScreenStyle& style) {
  for (const Json& option : options) {
    const std::string name = of + text_at(option, "name");
    std::string fallback = text_at(option, "default");
    if (flag_at(option, "required")) fallback = "(required)";
    table.add({Cell(name, Colour::bold), text_at(option, "type"), fallback});
    std::string help = text_at(option, "help");
    std::string choices;
    for (const Json& choice : at(option, "choices")) {
      if (choice.is_string()) choices += (choices.empty() ? "" : ", ") + harmless(choice.get<std::string>());
    }
    if (!choices.empty()) help += " One of: " + choices + ".";
    if (flag_at(option, "secret")) help += " A secret: never shown.";
    if (!help.empty()) note_wrapped(table, help, style.width, Colour::none);
    add_options(at(option, "columns"), name + "[].", table, style);
  }
}

std::string options_table(const Json& driver, const ScreenStyle& style) {
  Table table({{"OPTION"}, {"TYPE"}, {"DEFAULT", false, true}});
  add_options(at(driver, "options"), "", table, style);
  return table.empty() ? "No options.\n" : table.render(table_width(style), style.colour);
}

std::string metrics_table(const Json& driver, const ScreenStyle& style) {
  Table table({{"METRIC"}, {"FIELD", false, true}, {"TYPE"}, {"UNIT"}, {"SOURCE", false, true}});
  for (const Json& metric : at(driver, "metrics")) {
    table.add({text_at(metric, "name"), text_at(metric, "field"), text_at(metric, "type"),
               text_at(metric, "unit"), text_at(metric, "source")});
  }
  std::string named = text_at(driver, "named_metrics");
  if (!named.empty()) named = "The settings name metrics. " + named + "\n";
  if (table.empty()) return named.empty() ? "No metrics.\n" : named;
  return table.render(table_width(style), style.colour) + named;
}

// What runs, with the whole error of what fails. Empty when that is not known.
std::string instances_table(const Json& instances, const ScreenStyle& style) {
  if (!instances.is_array()) return "";
  Table table({{"INSTANCE", false, true}, {"DRIVER"}, {"STATE"}, {"ERRORS", true}});
  for (const Json& instance : instances) {
    const std::string error = text_at(instance, "last_error");
    table.add({text_at(instance, "name"), text_at(instance, "driver"), text_at(instance, "state"),
               grouped(count_at(instance, "errors"))});
    if (!error.empty()) note_wrapped(table, error, style.width, Colour::yellow);
  }
  return table.empty() ? "No instances: nothing is sampled.\n\n"
                       : table.render(table_width(style), style.colour) + "\n";
}

}  // namespace

Result<std::string> render_drivers(std::string_view json, const ScreenStyle& style) {
  const auto body = parse_object(json);
  if (!body) return body.error();
  Table table({{"DRIVER"}, {"METRICS", true}, {"WHAT IT SAMPLES", false, true}});
  for (const Json& driver : at(*body, "drivers")) {
    const std::string missing = text_at(driver, "missing");
    table.add({text_at(driver, "name"), grouped(count_at(driver, "metrics")), text_at(driver, "summary")});
    if (!missing.empty()) note_wrapped(table, missing, style.width, Colour::yellow);
  }
  if (table.empty()) return std::string("No drivers are built in.\n");
  return table.render(table_width(style), style.colour) + "\n" +
         instances_table(at(*body, "instances"), style) +
         "vigilectl drivers show NAME prints its options and a sample.\n";
}

Result<std::string> render_driver(std::string_view json, const ScreenStyle& style) {
  const auto driver = parse_object(json);
  if (!driver) return driver.error();
  std::string out;
  for (const std::string& line :
       wrapped(text_at(*driver, "name") + ": " + text_at(*driver, "summary"), style.width)) {
    out += coloured(line, Colour::bold, style.colour) + "\n";
  }
  if (const std::string missing = text_at(*driver, "missing"); !missing.empty()) {
    return out + coloured(missing, Colour::yellow, style.colour) + "\n";
  }
  // The sample is this program's own, and printed as it is.
  const std::string text = raw_text_at(*driver, "sample");
  const std::string sample =
      text.empty() ? ""
                   : "\n" + coloured("SAMPLE, under `drivers:`", Colour::dim, style.colour) + "\n" + text;
  if (flag_at(*driver, "may_block")) out += "It may block, so each instance has a lane of its own.\n";
  return out + "\n" + options_table(*driver, style) + "\n" + metrics_table(*driver, style) + sample;
}

Result<std::string> render_store(std::string_view json, const ScreenStyle& style) {
  const auto log = parse_object(json);
  if (!log) return log.error();
  std::string out = "store    " + format_size(count_at(*log, "size_bytes")) + " of " +
                    format_size(count_at(*log, "max_size_bytes")) + " · " +
                    grouped(count_at(*log, "points")) + " points in " + grouped(count_at(*log, "segments")) +
                    " segments\n";
  out += "         " + grouped(count_at(*log, "appended_points")) + " points appended since it was made\n";
  const auto warn = [&](const std::string& text) {
    out += "         " + coloured(text, Colour::yellow, style.colour) + "\n";
  };
  if (const auto dropped = count_at(*log, "dropped_points"); dropped > 0) {
    warn(grouped(dropped) + " points dropped for want of room,");
    warn("from " + short_time(*log, "dropped_from") + " to " + short_time(*log, "dropped_to"));
  }
  if (const auto thinned = count_at(*log, "thinned_points"); thinned > 0) {
    warn(grouped(thinned) + " points thinned to " + grouped(count_at(*log, "thinned_made_points")) +
         " for want of room,");
    warn("from " + short_time(*log, "thinned_from") + " to " + short_time(*log, "thinned_to"));
  }
  if (const auto damaged = count_at(*log, "damaged_segments"); damaged > 0) {
    warn(grouped(damaged) + " damaged segments skipped");
  }
  if (const auto points = count_at(*log, "damaged_points"); points > 0 || flag_at(*log, "damaged_at_least")) {
    warn((flag_at(*log, "damaged_at_least") ? "at least " : "") + grouped(points) + " points lost to damage");
  }
  if (const auto letters = count_at(*log, "dead_letters"); letters > 0) {
    warn(grouped(letters) + " dead letters (vigilectl dead-letters)");
  }
  if (const std::string aside = text_at(*log, "set_aside"); !aside.empty()) {
    out += "         a damaged database was set aside, " + grouped(count_at(*log, "salvaged_segments")) +
           " segments saved from it:\n         " + aside + "\n";
  }
  Table table({{"SINK", false, true},
               {"IN SETTINGS"},
               {"SEGMENTS", true},
               {"POINTS", true},
               {"OLDEST WAITING", true}});
  for (const Json& sink : at(*log, "sinks")) {
    const bool known = flag_at(sink, "known");
    const std::string name = text_at(sink, "sink");
    table.add({name, Cell(known ? "yes" : "no", known ? Colour::none : Colour::yellow),
               grouped(count_at(sink, "segments")), grouped(count_at(sink, "points")),
               short_time(sink, "oldest")});
    if (!known) table.note("to let go of what it has not delivered: vigilectl store forget " + name);
  }
  return out + "\n" + (table.empty() ? "No sinks.\n" : table.render(table_width(style), style.colour));
}

Result<std::string> render_dead_letters(std::string_view json, const ScreenStyle& style) {
  const auto page = parse_object(json);
  if (!page) return page.error();
  Table table({{"ID", true}, {"SINK", false, true}, {"REFUSED"}});
  for (const Json& letter : at(*page, "dead_letters")) {
    table.add(
        {std::to_string(count_at(letter, "id")), text_at(letter, "sink"), short_time(letter, "refused")});
    if (flag_at(letter, "resend")) table.note("(waits to be sent again)");
    const std::string reason = text_at(letter, "reason");
    note_wrapped(table, style.whole ? reason : cut(reason, 3 * (style.width - 2) - 20), style.width,
                 Colour::yellow);
    table.note(text_at(letter, "line"));
  }
  if (table.empty()) return std::string("No dead letters.\n");
  std::string out = table.render(table_width(style), style.colour);
  if (const std::uint64_t next = count_at(*page, "next_after"); next > 0) {
    out += "\nThere may be more: --after " + std::to_string(next) + ", or vigilectl dead-letters export\n";
  }
  return out;
}

}  // namespace vigile
