// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "ctl/commands.h"
#include "ctl/text.h"
#include "point/line_decode.h"
#include "point/point_json.h"

namespace vigile {

namespace {

// Whole lines only are made harmless: a character may arrive in two pieces. A longer line is shown in parts.
constexpr std::size_t kLongestLineBytes = std::size_t{1} << 20;

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

class LinePrinter {
 public:
  bool print(std::string_view data) {
    std::string out;
    while (!data.empty()) {
      const std::size_t end = data.find('\n');
      part_ += data.substr(0, end);
      if (end == std::string_view::npos && part_.size() < kLongestLineBytes) break;
      out += harmless(part_) + "\n";
      part_.clear();
      data.remove_prefix(end == std::string_view::npos ? data.size() : end + 1);
    }
    return write_all(out);
  }

 private:
  std::string part_;
};

// Each line as a JSON object on a line of its own, once all of it is here.
class JsonPrinter {
 public:
  bool print(std::string_view data) {
    part_ += data;
    std::string out;
    LineDecoder decoder(part_, Precision::ns, part_.size() < kLongestLineBytes);
    for (LineDecoder::Step step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
      if (step == LineDecoder::Step::error) {
        complain("a line of the daemon is passed over: expected " + decoder.error().expected);
      } else if (const auto point = to_point(decoder.view())) {
        append_json(*point, out);
        out += '\n';
      }
    }
    part_.erase(0, decoder.position());
    return write_all(out);
  }

 private:
  std::string part_;
};

}  // namespace

int tail_command(const CommandContext& context, const TailOptions& options) {
  std::string target = "/api/agent/points";
  char before = '?';
  const std::pair<const char*, const std::string&> filters[] = {{"measurement", options.measurement},
                                                                {"metric", options.metric}};
  for (const auto& [key, value] : filters) {
    if (value.empty()) continue;
    target += before + std::string(key) + "=" + percent_encode(value);
    before = '&';
  }
  ::signal(SIGPIPE, SIG_IGN);  // a reader that has left is no failure
  // What was written is written; there is nothing to clean up.
  ::signal(SIGINT, [](int) { ::_exit(kFine); });
  LinePrinter printer;
  JsonPrinter json_printer;
  bool readable = true;
  int cause = 0;
  const auto answer = context.client.stream(target, [&](std::string_view data) {
    readable = context.json       ? json_printer.print(data)
               : context.terminal ? printer.print(data)
                                  : write_all(data);
    if (!readable) cause = errno;
    return readable;
  });
  if (!readable) {
    if (cause == EPIPE) return kFine;
    complain(errno_error("standard output", cause).message);
    return kAnswerIsNo;
  }
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  complain("the daemon has ended the stream");
  return kNoDaemon;
}

}  // namespace vigile
