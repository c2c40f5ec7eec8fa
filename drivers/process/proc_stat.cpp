// SPDX-License-Identifier: Apache-2.0
#include "drivers/process/proc_stat.h"

#include "drivers/kernel_text/scan.h"

namespace vigile::process {

Result<ProcStat> parse_proc_stat(std::string_view text, std::string_view file) {
  const auto bad = [&] { return parse_error(file, 0, "<pid> (<name>) <state> and 50 numbers", text); };
  // A name may hold anything, also blanks and parentheses.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return bad();
  ProcStat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = take_word(rest);
  if (state.size() != 1) return bad();
  stat.state = state[0];
  // Fields 4 to 24 of proc(5).
  for (int field = 4; field <= 24; ++field) {
    const std::string_view word = take_word(rest);
    const bool is_wanted = field == 14 || field == 15 || field == 20 || field == 22 || field == 24;
    const auto number = to_unsigned(word);
    if (word.empty() || (is_wanted && !number)) return bad();
    if (field == 14 || field == 15) stat.cpu_ticks += *number;
    if (field == 20) stat.threads = *number;
    if (field == 22) stat.start_ticks = *number;
    if (field == 24) stat.resident_pages = *number;
  }
  return stat;
}

}  // namespace vigile::process
