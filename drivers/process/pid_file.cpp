// SPDX-License-Identifier: Apache-2.0
#include "drivers/process/pid_file.h"

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/scan.h"

namespace vigile::process {

Result<int> read_pid_file(const std::string& path) {
  KernelFile file(path, std::size_t{64} << 10);
  const auto text = file.read();
  if (!text) return text.error();
  Lines lines(*text);
  while (lines.next()) {
    std::string_view rest = lines.line();
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    const std::string_view word = take_word(rest);
    if (word.empty()) continue;
    const auto pid = to_unsigned(word);
    if (!pid || *pid == 0 || *pid > 0x7fff'ffff) break;
    return static_cast<int>(*pid);
  }
  return parse_error(path, lines.number(), "the number of a process", lines.line());
}

}  // namespace vigile::process
