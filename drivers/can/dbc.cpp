// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "drivers/can/dbc_text.h"
#include "drivers/can/multiplexing.h"
#include "drivers/can/signal.h"
#include "drivers/line_text/line_text.h"

namespace vigile::can {

namespace {

constexpr std::size_t kMostSignals = 20'000;
constexpr std::uint32_t kExtended = 0x8000'0000;
constexpr std::string_view kJ1939Format = "J1939PG";

struct Message {
  std::uint32_t raw_id = 0;  // as the file has it, with bit 31 for 29 bits
  std::string name;
  int line = 0;
  unsigned bytes = 0;
  std::vector<DbcSignal> signals;
  std::string frame_format;  // of its own; empty: the file's
  bool is_left_out = false;
  bool is_of_no_frame = false;  // VECTOR__INDEPENDENT_SIG_MSG: signals that no message has
};

class DbcReader {
 public:
  DbcReader(std::string_view file, std::vector<Error>* left_out) : file_(file), left_out_(left_out) {}

  Result<std::vector<Signal>> read(std::string_view text) {
    DbcText statements(text);
    while (const auto statement = statements.next()) {
      line_ = statement->line;
      take(*statement);
      if (signals_ > kMostSignals)
        return Error{ErrorKind::parse, place(line_) + "at most 20000 signals are taken from one file"};
    }
    return finish();
  }

 private:
  void take(const DbcStatement& statement) {
    DbcScan scan(statement.rest);
    if (statement.keyword == "BO_") return take_message(scan, statement.rest);
    if (statement.keyword == "SG_") return take_signal(scan, statement.rest);
    if (statement.keyword == "SG_MUL_VAL_") return take_multiplexing(scan, statement.rest);
    if (statement.keyword == "SIG_VALTYPE_") return take_value_type(scan, statement.rest);
    if (statement.keyword == "BA_") return take_attribute(scan);
    if (statement.keyword == "BA_DEF_") return take_definition(scan);
    if (statement.keyword == "BA_DEF_DEF_") return take_default(scan);
  }

  void take_message(DbcScan& scan, std::string_view rest) {
    Message message;
    message.line = line_;
    message.raw_id = scan.number<std::uint32_t>();
    if (!scan.ok()) (void)scan.word();  // what stands in its place; the name tells which message it is
    message.name = scan.word();
    scan.expect(":");
    message.bytes = scan.number<unsigned>();
    message.is_of_no_frame = message.name == "VECTOR__INDEPENDENT_SIG_MSG";
    messages_.push_back(std::move(message));
    if (messages_.back().is_of_no_frame) return;
    if (!scan.ok()) return leave_out(messages_.back(), expected("BO_ <id> <name>: <bytes> <sender>", rest));
    const Message& known = messages_.back();
    const std::uint32_t most = (known.raw_id & kExtended) != 0 ? 0x1fff'ffffU : 0x7ffU;
    if ((known.raw_id & ~kExtended) > most)
      return leave_out(messages_.back(), "its id is neither one of 11 bits, nor one of 29 with bit 31 set");
    if (known.bytes > 64)
      return leave_out(messages_.back(), "it has more than 64 bytes, and comes in several frames");
    by_id_[known.raw_id] = messages_.size() - 1;
  }

  void take_signal(DbcScan& scan, std::string_view rest) {
    if (messages_.empty()) return report(line_, "a signal (SG_) before the first message (BO_) is left out");
    Message& message = messages_.back();
    if (message.is_left_out || message.is_of_no_frame) return;
    constexpr const char* kForm =
        "SG_ <name> [M|m<n>|m<n>M] : <start>|<length>@<1|0><+|-> (<scale>,<offset>) [<min>|<max>] \"<unit>\" "
        "<receiver>";
    DbcSignal read;
    Signal& signal = read.signal;
    signal.name = scan.word();
    if (!scan.is(":")) {
      read_indicator(scan, read);
      scan.expect(":");
    }
    signal.start = scan.number<int>();
    scan.expect("|");
    signal.length = scan.number<int>();
    scan.expect("@");
    const int order = scan.number<int>();
    signal.is_big_endian = order == 0;
    signal.is_signed = scan.is("-");
    if (!signal.is_signed) scan.expect("+");
    scan.expect("(");
    signal.scale = scan.number<double>();
    scan.expect(",");
    signal.offset = scan.number<double>();
    scan.expect(")");
    scan.expect("[");
    scan.skip_past(']');  // the range is for who draws it, and is often none
    signal.unit = scan.quoted();
    if (!scan.ok() || order < 0 || order > 1) return leave_out(message, expected(kForm, rest));
    if (!fits(signal.start, signal.length, signal.is_big_endian, 64))
      return leave_out(message,
                       "signal " + signal.name + " has no bits, more than 64, or reaches past 64 bytes");
    // Some files have 0 for "not known".
    if (message.bytes > 0 && !fits(signal.start, signal.length, signal.is_big_endian, message.bytes))
      report(line_, named(message) + "signal " + signal.name + " reaches past its " +
                        std::to_string(message.bytes) + " bytes, and is read from longer frames alone");
    signal.id = message.raw_id & ~kExtended;
    signal.is_extended = (message.raw_id & kExtended) != 0;
    message.signals.push_back(std::move(read));
    ++signals_;
  }

  // M: chooses others. m3: is chosen by 3. m3M: both.
  static void read_indicator(DbcScan& scan, DbcSignal& read) {
    if (scan.is("m")) read.value = scan.number<std::uint64_t>();
    read.is_multiplexor = scan.is("M");
    if (!read.value && !read.is_multiplexor) scan.expect("M");
  }

  void take_multiplexing(DbcScan& scan, std::string_view rest) {
    Message* const message = find_message(scan);
    const std::string name = scan.word();
    const std::string parent = scan.word();
    std::vector<Multiplexed::Range> ranges;
    do {
      const auto first = scan.number<std::uint64_t>();
      scan.expect("-");
      ranges.push_back({first, scan.number<std::uint64_t>()});
    } while (scan.ok() && scan.is(","));
    if (message == nullptr) return;
    if (!scan.ok())
      return leave_out(*message,
                       expected("SG_MUL_VAL_ <id> <signal> <multiplexor> <first>-<last>, …;", rest));
    for (DbcSignal& one : message->signals) {
      if (one.signal.name == name) one.chosen_by[parent] = ranges;
    }
  }

  void take_value_type(DbcScan& scan, std::string_view rest) {
    Message* const message = find_message(scan);
    const std::string name = scan.word();
    (void)scan.is(":");
    const int kind = scan.number<int>();
    if (message == nullptr) return;
    if (!scan.ok()) return leave_out(*message, expected("SIG_VALTYPE_ <id> <signal> : <0|1|2>;", rest));
    for (DbcSignal& one : message->signals) {
      if (one.signal.name != name || (kind != 1 && kind != 2)) continue;
      if (one.signal.length != (kind == 1 ? 32 : 64))
        return leave_out(*message, "signal " + name + ": a float has 32 bits, a double 64");
      one.signal.kind = static_cast<Signal::Kind>(kind);
    }
  }

  // BA_ "<attribute>" [BO_ <id> | SG_ <id> <signal>] <value>;
  void take_attribute(DbcScan& scan) {
    const std::string attribute = scan.quoted();
    if (attribute == "ProtocolType") protocol_ = scan.quoted();
    if (attribute == "VFrameFormat" && scan.is("BO_")) {
      if (Message* const message = find_message(scan)) message->frame_format = format_name(scan);
    } else if (attribute == "SystemMessageLongSymbol" && scan.is("BO_")) {
      Message* const message = find_message(scan);
      const std::string name = scan.quoted();
      if (message != nullptr && scan.ok() && !name.empty()) message->name = name;
    } else if (attribute == "SystemSignalLongSymbol" && scan.is("SG_")) {
      Message* const message = find_message(scan);
      const std::string short_name = scan.word();
      const std::string name = scan.quoted();
      if (message == nullptr || !scan.ok() || name.empty()) return;
      for (DbcSignal& one : message->signals) {
        if (one.signal.name == short_name) one.long_name = name;
      }
    }
  }

  // BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN",…;
  void take_definition(DbcScan& scan) {
    if (!scan.is("BO_") || scan.quoted() != "VFrameFormat" || !scan.is("ENUM")) return;
    do formats_.push_back(scan.quoted());
    while (scan.ok() && scan.is(","));
  }

  void take_default(DbcScan& scan) {
    const std::string attribute = scan.quoted();
    if (attribute == "VFrameFormat") default_format_ = format_name(scan);
    if (attribute == "ProtocolType" && protocol_.empty()) protocol_ = scan.quoted();
  }

  // As text, or as its number in the definition.
  std::string format_name(DbcScan& scan) const {
    if (!scan.at_end() && scan.is("\"")) {
      std::string name = scan.word();
      return name;
    }
    const auto index = scan.number<std::size_t>();
    return scan.ok() && index < formats_.size() ? formats_[index] : "";
  }

  Message* find_message(DbcScan& scan) {
    const auto found = by_id_.find(scan.number<std::uint32_t>());
    return scan.ok() && found != by_id_.end() ? &messages_[found->second] : nullptr;
  }

  Result<std::vector<Signal>> finish() {
    std::vector<Signal> signals;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      Message& message = messages_[i];
      if (message.is_left_out || message.is_of_no_frame) continue;
      if (by_id_[message.raw_id] != i) {
        leave_out(message, message.line, "another one of the same id comes after it");
        continue;
      }
      for (const std::string& name : resolve_multiplexing(message.signals))
        report(message.line,
               named(message) + "signal " + name +
                   ": which multiplexor it belongs to is not said (SG_MUL_VAL_); it is left out");
      for (DbcSignal& one : message.signals) {
        one.signal.is_j1939 = one.signal.is_extended && is_j1939(message);
        if (!one.long_name.empty() && one.long_name != one.signal.name)
          one.signal.short_name = std::exchange(one.signal.name, one.long_name);
        signals.push_back(std::move(one.signal));
      }
    }
    return signals;
  }

  bool is_j1939(const Message& message) const {
    const std::string& format = message.frame_format.empty() ? default_format_ : message.frame_format;
    return format == kJ1939Format || (message.frame_format.empty() && protocol_ == "J1939");
  }

  std::string place(int line) const { return file_ + ":" + std::to_string(line) + ": "; }
  static std::string named(const Message& message) {
    char id[16];
    std::snprintf(id, sizeof id, "0x%X", message.raw_id & ~kExtended);
    return "message " + (message.name.empty() ? "without a name" : message.name) + " (" + id + "): ";
  }
  static std::string expected(const char* form, std::string_view rest) {
    return std::string("expected ") + form + ", found " + shown_text(rest);
  }
  void leave_out(Message& message, const std::string& why) { leave_out(message, line_, why); }
  void leave_out(Message& message, int line, const std::string& why) {
    if (message.is_left_out) return;
    message.is_left_out = true;
    report(line, named(message) + why + "; the message is left out");
  }
  void report(int line, const std::string& what) {
    if (left_out_ != nullptr) left_out_->push_back({ErrorKind::parse, place(line) + what});
  }

  const std::string file_;
  std::vector<Error>* const left_out_;
  std::vector<Message> messages_;
  std::map<std::uint32_t, std::size_t> by_id_;  // the last of each id
  std::size_t signals_ = 0;
  int line_ = 0;
  std::vector<std::string> formats_;  // that VFrameFormat counts
  std::string default_format_;
  std::string protocol_;
};

}  // namespace

Result<std::vector<Signal>> parse_dbc(std::string_view text, std::string_view file,
                                      std::vector<Error>* left_out) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return DbcReader(file, left_out).read(text);
}

}  // namespace vigile::can
