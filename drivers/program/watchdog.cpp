// SPDX-License-Identifier: Apache-2.0
#include "drivers/program/watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace vigile::program {

namespace {

constexpr rlim_t kMostFiles = 65536;

// Of a copy that does not become another program: the agent's files must not stay open in it.
void close_from(unsigned first) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, first, ~0U, 0U) == 0) return;
#endif
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t file = first; file < std::min(limit.rlim_cur, kMostFiles); ++file)
    ::close(static_cast<int>(file));
}

// Between fork() and exec() of a program with threads: only what is async-signal-safe.
[[noreturn]] void watch(pid_t group, int agent, int null, char* const* arguments) {
  ::setpgid(0, group);
  // Asking the group to end is not for it: it must be there when others do not end.
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGCHLD) ::signal(number, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(agent, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
#ifdef SYS_close_range
  ::syscall(SYS_close_range, 3U, ~0U, 4U);  // CLOSE_RANGE_CLOEXEC: also what a library left open
#endif
  char* const nothing[] = {nullptr};
  ::execve(arguments[0], arguments, nothing);
  close_from(3);
  char byte = 0;
  ssize_t got = 0;
  do got = ::read(STDIN_FILENO, &byte, 1);
  while (got > 0 || (got < 0 && errno == EINTR));
  ::kill(0, SIGKILL);
  ::_exit(0);
}

}  // namespace

Result<Watchdog> Watchdog::start(pid_t group) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorKind::io, std::string("pipe: ") + std::strerror(errno)};
  const UniqueFd read(ends[0]);
  UniqueFd agent(ends[1]);
  const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  std::string words[] = {"/bin/sh", "-c", "read line || kill -s KILL 0"};
  char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) return Error{ErrorKind::io, std::string("fork: ") + std::strerror(errno)};
  if (pid == 0) watch(group, read.get(), null.get(), arguments);
  ::setpgid(pid, group);  // whoever of us comes first
  return Watchdog(pid, std::move(agent));
}

void Watchdog::reap() {
  agent_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace vigile::program
