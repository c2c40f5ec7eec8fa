// SPDX-License-Identifier: Apache-2.0
#include "drivers/program/program.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vigile::program {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{20};            // at what tells nobody when it changes
constexpr std::size_t kMostDropped = 65536;  // at once

// What the child says before it is the program: which step failed, and errno.
struct Trouble {
  enum Step : int { directory, memory, account, program } step;
  int error;
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorKind::io, std::string("pipe: ") + std::strerror(errno)};
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string find_program(const std::string& name, const std::string& path) {
  if (name.find('/') != std::string::npos) return name;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t colon = std::min(path.find(':', at), path.size());
    const std::string file = path.substr(at, colon - at) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    at = colon + 1;
  }
  return "";
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

struct Child {
  const char* file;
  char* const* arguments;
  char* const* environment;
  const ProgramOptions& options;
  int out, err, null, trouble;
  int go, go_other_end;  // something comes when its group is watched
  pid_t agent;
};

// Between fork() and exec() of a program with threads: only what is async-signal-safe.
[[noreturn]] void become(const Child& child) {
  const auto fail = [&](Trouble::Step step) {
    const Trouble trouble{step, errno};
    (void)!::write(child.trouble, &trouble, sizeof trouble);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::dup2(child.null, STDIN_FILENO);
  ::dup2(child.out, STDOUT_FILENO);
  ::dup2(child.err, STDERR_FILENO);
#ifdef SYS_close_range
  ::syscall(SYS_close_range, 3U, ~0U, 4U);  // CLOSE_RANGE_CLOEXEC: also what a library left open
#endif
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  rlimit limit{0, 0};
  ::setrlimit(RLIMIT_CORE, &limit);
  if (child.options.memory_bytes > 0) {
    limit.rlim_cur = limit.rlim_max = static_cast<rlim_t>(child.options.memory_bytes);
    if (::setrlimit(RLIMIT_AS, &limit) != 0) fail(Trouble::memory);
  }
  if (const auto& account = child.options.account) {
    if (::setgroups(account->groups.size(), account->groups.data()) != 0 || ::setgid(account->group) != 0 ||
        ::setuid(account->user) != 0) {
      fail(Trouble::account);
    }
  }
  // Last: a change of user takes it back. Of its group the watchdog takes care, from here on.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::close(child.go_other_end);
  char byte = 0;
  ssize_t got = 0;
  do got = ::read(child.go, &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1 || ::getppid() != child.agent) ::_exit(127);
  if (::chdir(child.options.directory.c_str()) != 0) fail(Trouble::directory);
  ::execve(child.file, child.arguments, child.environment);
  fail(Trouble::program);
  ::_exit(127);
}

Error describe(const Trouble& trouble, const ProgramOptions& options, const std::string& file) {
  std::string what;
  switch (trouble.step) {
    case Trouble::directory:
      what = "directory " + options.directory;
      break;
    case Trouble::memory:
      what = "memory";
      break;
    case Trouble::account:
      what = "user " + options.account->name;
      break;
    case Trouble::program:
      what = file;
      break;
  }
  const ErrorKind kind = trouble.error == ENOENT                             ? ErrorKind::not_found
                         : trouble.error == EACCES || trouble.error == EPERM ? ErrorKind::permission
                                                                             : ErrorKind::io;
  std::string why = std::strerror(trouble.error);
  if (trouble.step == Trouble::account) why += "; only root may run a program as somebody else";
  if (trouble.step == Trouble::program && trouble.error == ENOEXEC) why += ": a script begins with #!";
  return Error{kind, what + ": " + why};
}

// Appends what is there, until `to` has `most_bytes`. False at the end.
bool take(int from, std::string& to, std::size_t most_bytes) {
  char buffer[4096];
  while (to.size() < most_bytes) {
    const ssize_t got = ::read(from, buffer, std::min(sizeof buffer, most_bytes - to.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    to.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

// So that nobody waits for room; who writes without end is not read without end.
bool drop(int from) {
  std::string dropped;
  return take(from, dropped, kMostDropped);
}

}  // namespace

Result<Account> find_account(const std::string& user) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return Error{ErrorKind::not_found, "user: there is no " + user.substr(0, 100)};
  Account account{user, entry.pw_uid, entry.pw_gid, {}};
  int count = 64;
  account.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(user.c_str(), entry.pw_gid, account.groups.data(), &count) < 0) count = 64;
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::vector<std::string> environment_for(const EquipmentIdentity& equipment,
                                         const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> all = more;
  all.emplace("PATH", kPath);
  all.emplace("LANG", "C.UTF-8");
  all.emplace("VIGILE_EQUIPMENT_ID", equipment.id);
  all.emplace("VIGILE_EQUIPMENT_NAME", equipment.name);
  all.emplace("VIGILE_EQUIPMENT_ADDRESS", equipment.ip_address);
  std::vector<std::string> list;
  for (const auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

std::string Ended::text() const {
  return signal != 0 ? "was killed by signal " + std::to_string(signal)
                     : "ended with status " + std::to_string(status);
}

Result<std::unique_ptr<Program>> Program::start(const ProgramOptions& options) {
  const std::string file = find_program(options.command.at(0), options.path);
  if (file.empty())
    return Error{ErrorKind::not_found, options.command[0] + ": is not in the path " + options.path};
  auto out = make_pipe();
  auto err = make_pipe();
  auto trouble = make_pipe();
  auto go = make_pipe();
  if (!out || !err || !trouble || !go) return Error{ErrorKind::io, file + ": no more pipes"};
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<std::string> arguments = options.command;
  std::vector<std::string> environment = options.environment;
  const std::vector<char*> argument_list = pointers(arguments);
  const std::vector<char*> environment_list = pointers(environment);
  const pid_t agent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Error{ErrorKind::io, file + ": fork: " + std::strerror(errno)};
  if (pid == 0) {
    become({file.c_str(), argument_list.data(), environment_list.data(), options, out->write.get(),
            err->write.get(), null.get(), trouble->write.get(), go->read.get(), go->write.get(), agent});
  }
  ::setpgid(pid, pid);  // whoever of us comes first
  out->write.reset();
  err->write.reset();
  trouble->write.reset();
  auto watchdog = Watchdog::start(pid);
  if (!watchdog) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Error{ErrorKind::io, file + ": " + watchdog.error().message};
  }
  (void)!::write(go->write.get(), "x", 1);
  ::fcntl(out->read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(err->read.get(), F_SETFL, O_NONBLOCK);
  Trouble said{};
  ssize_t got = 0;
  do got = ::read(trouble->read.get(), &said, sizeof said);
  while (got < 0 && errno == EINTR);
  if (got == sizeof said) {
    ::kill(-pid, SIGKILL);
    watchdog->reap();
    ::waitpid(pid, nullptr, 0);
    return describe(said, options, file);
  }
  return std::unique_ptr<Program>(
      new Program(pid, std::move(*watchdog), std::move(out->read), std::move(err->read)));
}

Program::Program(pid_t pid, Watchdog watchdog, UniqueFd out, UniqueFd err)
    : pid_(pid), watchdog_(std::move(watchdog)), out_(std::move(out)), err_(std::move(err)) {
#ifdef SYS_pidfd_open
  exit_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
#endif
}

Program::~Program() {
  end(milliseconds(0));
}

bool Program::read(std::string& out, std::string& err, std::size_t most_bytes, milliseconds limit) {
  pollfd wanted[3] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {exit_.get(), POLLIN, 0}};
  if (!exit_) limit = std::min(limit, kLook);
  ::poll(wanted, 3, static_cast<int>(std::max<std::int64_t>(0, limit.count())));
  // First, so that what it wrote before its end is read below.
  const bool is_over = ended().has_value();
  if (out_ && !take(out_.get(), out, most_bytes)) out_.reset();
  if (err_ && !take(err_.get(), err, kMostComplaint)) err_.reset();
  if (err_ && err.size() >= kMostComplaint && !drop(err_.get())) err_.reset();
  return !is_over;
}

std::optional<Ended> Program::ended() {
  if (ended_) return ended_;
  siginfo_t info{};
  // It is not reaped yet: nobody else can have its number while its group is killed.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != pid_)
    return std::nullopt;
  ::kill(-pid_, SIGKILL);
  watchdog_.reap();
  ::waitpid(pid_, nullptr, 0);
  ended_ = info.si_code == CLD_EXITED ? Ended{info.si_status, 0} : Ended{0, info.si_status};
  return ended_;
}

Ended Program::end(milliseconds patience) {
  if (!ended() && patience.count() > 0) {
    ::kill(-pid_, SIGTERM);
    for (milliseconds waited{0}; !ended() && waited < patience; waited += kLook) {
      pollfd wanted{exit_.get(), POLLIN, 0};
      ::poll(&wanted, 1, static_cast<int>(kLook.count()));
    }
  }
  if (!ended()) {
    ::kill(-pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  return *ended();
}

}  // namespace vigile::program
