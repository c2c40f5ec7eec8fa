// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>

#include "drivers/can/signal.h"
#include "drivers/line_text/line_text.h"

namespace vigile::can {

namespace {

constexpr std::size_t kMostSignals = 20'000;
constexpr std::size_t kLongestName = 100;
constexpr std::uint32_t kExtended = 0x8000'0000;

// Takes a line apart from its front; once something does not fit, all else fails.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}
  bool is(std::string_view sign) {
    blanks();
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }
  void expect(std::string_view sign) { ok_ = ok_ && is(sign); }
  std::string word() {
    blanks();
    std::size_t size = 0;
    while (size < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[size])) || rest_[size] == '_'))
      ++size;
    const std::string word(rest_.substr(0, size));
    rest_.remove_prefix(size);
    ok_ = ok_ && size > 0 && size <= kLongestName;
    return word;
  }
  template <class T>
  T number() {
    blanks();
    if (rest_.starts_with('+')) rest_.remove_prefix(1);
    T value{};
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    ok_ = ok_ && parsed.ec == std::errc();
    if constexpr (std::is_floating_point_v<T>) ok_ = ok_ && std::isfinite(value);
    rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
    return value;
  }
  std::string quoted() {
    expect("\"");
    const std::size_t end = rest_.find('"');
    ok_ = ok_ && end != std::string_view::npos;
    if (!ok_) return "";
    const std::string text(rest_.substr(0, std::min(end, kLongestName)));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool ok() const { return ok_; }

 private:
  void blanks() {
    const std::size_t at = rest_.find_first_not_of(" \t");
    rest_.remove_prefix(std::min(at, rest_.size()));
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct Message {
  std::uint32_t id = 0;
  bool is_extended = false;
  bool is_known = false;
  std::optional<Signal> multiplexor;
  std::size_t first = 0;  // of its signals
};

}  // namespace

Result<std::vector<Signal>> parse_dbc(std::string_view text, std::string_view file) {
  std::vector<Signal> signals;
  Message message;
  int number = 0;
  const auto bad = [&](std::string_view line, const char* expected) {
    return Error{ErrorKind::parse, std::string(file) + ":" + std::to_string(number) + ": expected " +
                                       expected + ", found " + shown_text(line)};
  };
  // The multiplexor may come after those that it chooses.
  const auto end_message = [&]() -> bool {
    for (std::size_t i = message.first; i < signals.size(); ++i) {
      if (!signals[i].multiplexed) continue;
      if (!message.multiplexor) return false;
      signals[i].multiplexed->start = message.multiplexor->start;
      signals[i].multiplexed->length = message.multiplexor->length;
      signals[i].multiplexed->is_big_endian = message.multiplexor->is_big_endian;
    }
    return true;
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    Scan scan(line);
    if (scan.is("BO_ ")) {
      if (!end_message()) return bad(line, "a multiplexor (M) in the message before");
      const auto id = scan.number<std::uint32_t>();
      (void)scan.word();
      scan.expect(":");
      const auto bytes = scan.number<unsigned>();
      if (!scan.ok()) return bad(line, "BO_ <id> <name>: <bytes> <sender>");
      message = {id & ~kExtended, (id & kExtended) != 0, true, {}, signals.size()};
      if (message.id > (message.is_extended ? 0x1fff'ffffU : 0x7ffU) && id != 0xC000'0000)
        return bad(line, "an id of 11 bits, or of 29 with the highest bit set");
      // Signals of no message, and what is sent in several frames (J1939 transport), are passed over.
      if (id == 0xC000'0000 || bytes > 64) message.is_known = false;
    } else if (scan.is("SG_ ")) {
      if (!message.is_known) continue;
      constexpr const char* kForm =
          "SG_ <name> [M|m<n>] : <start>|<length>@<1|0><+|-> (<scale>,<offset>) [<min>|<max>] \"<unit>\" "
          "<receiver>";
      Signal signal;
      signal.name = scan.word();
      bool is_multiplexor = false;
      if (scan.is("M")) {
        is_multiplexor = true;
      } else if (scan.is("m")) {
        signal.multiplexed.emplace();
        signal.multiplexed->value = scan.number<std::uint64_t>();
        if (scan.is("M")) {
          // Multiplexors within multiplexed signals: the message is passed over.
          signals.resize(message.first);
          message.is_known = false;
          message.multiplexor.reset();
          continue;
        }
      }
      scan.expect(":");
      signal.start = scan.number<int>();
      scan.expect("|");
      signal.length = scan.number<int>();
      scan.expect("@");
      const int order = scan.number<int>();
      signal.is_signed = scan.is("-");
      if (!signal.is_signed) scan.expect("+");
      scan.expect("(");
      signal.scale = scan.number<double>();
      scan.expect(",");
      signal.offset = scan.number<double>();
      scan.expect(")");
      scan.expect("[");
      (void)scan.number<double>();
      scan.expect("|");
      (void)scan.number<double>();
      scan.expect("]");
      signal.unit = scan.quoted();
      signal.is_big_endian = order == 0;
      if (!scan.ok() || order < 0 || order > 1 ||
          !fits(signal.start, signal.length, signal.is_big_endian, 64))
        return bad(line, kForm);
      signal.id = message.id;
      signal.is_extended = message.is_extended;
      if (is_multiplexor) message.multiplexor = signal;
      if (signals.size() >= kMostSignals) return bad(line, "at most 20000 signals");
      signals.push_back(std::move(signal));
    } else if (scan.is("SIG_VALTYPE_ ")) {
      const auto id = scan.number<std::uint32_t>();
      const std::string name = scan.word();
      (void)scan.is(":");
      const int kind = scan.number<int>();
      if (!scan.ok() || kind < 0 || kind > 2) return bad(line, "SIG_VALTYPE_ <id> <signal> : <0|1|2>;");
      for (Signal& signal : signals) {
        if (signal.id != (id & ~kExtended) || signal.is_extended != ((id & kExtended) != 0) ||
            signal.name != name)
          continue;
        if (kind > 0 && signal.length != (kind == 1 ? 32 : 64))
          return bad(line, "a float of 32 bits, or a double of 64");
        signal.kind = static_cast<Signal::Kind>(kind);
      }
    }
  }
  if (!end_message()) return bad("", "a multiplexor (M) in the last message");
  return signals;
}

}  // namespace vigile::can
