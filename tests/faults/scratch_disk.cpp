// SPDX-License-Identifier: Apache-2.0
#include "faults/scratch_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "core/unique_fd.h"
#include "integration/daemon.h"

namespace vigile {

namespace {

void run(std::vector<std::string> arguments) {
  const std::string what = arguments.front() + " " + arguments.back();
  const Finished finished = run_program(std::move(arguments));
  if (finished.status != 0) throw std::runtime_error(what + ": " + finished.output);
}

// The loop device under a mount: "loop0".
std::string device_of(const std::filesystem::path& mounted) {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string device, where, rest; mounts >> device >> where && std::getline(mounts, rest);) {
    if (where == mounted.string()) return std::filesystem::path(device).filename().string();
  }
  throw std::runtime_error(mounted.string() + " is not mounted");
}

}  // namespace

std::string ScratchDisk::unavailable() {
  static const bool moved = ::unshare(CLONE_NEWNS) == 0;
  if (!moved) return std::string("no mount namespace: ") + std::strerror(errno);
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::string("mounts cannot be made private: ") + std::strerror(errno);
  }
  try {
    const ScratchDisk tmpfs(Kind::tmpfs, 1 << 20);
    const ScratchDisk ext4(Kind::ext4, 8 << 20);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

ScratchDisk::ScratchDisk(Kind kind, std::uint64_t bytes) : kind_(kind), bytes_(bytes), path_(dir_ / "disk") {
  std::filesystem::create_directory(path_);
  if (kind_ == Kind::ext4) {
    const std::string image = dir_ / "image";
    std::ofstream(image).close();
    std::filesystem::resize_file(image, bytes_);
    run({"mkfs.ext4", "-q", image});
  }
  mount();
}

ScratchDisk::~ScratchDisk() {
  ::umount2(path_.c_str(), MNT_DETACH);
}

void ScratchDisk::mount() {
  if (kind_ == Kind::tmpfs) {
    run({"mount", "-t", "tmpfs", "-o", "size=" + std::to_string(bytes_), "none", path_});
  } else {
    run({"mount", "-o", "loop,errors=remount-ro", dir_ / "image", path_});
  }
}

void ScratchDisk::unmount() {
  if (::umount(path_.c_str()) != 0) throw std::runtime_error(std::string("umount: ") + std::strerror(errno));
}

void ScratchDisk::fill() {
  const UniqueFd file(::open((path_ / "stranger").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::string bytes(std::size_t{1} << 20, 'x');
  while (bytes.size() > 0) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written <= 0) bytes.resize(bytes.size() / 2);
  }
  ::fsync(file.get());
}

void ScratchDisk::give_back() {
  std::filesystem::remove(path_ / "stranger");
}

void ScratchDisk::protect_files(bool on) {
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    if (!entry.is_regular_file()) continue;
    const UniqueFd file(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    long flags = 0;
    ::ioctl(file.get(), FS_IOC_GETFLAGS, &flags);
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~long{FS_IMMUTABLE_FL};
    if (::ioctl(file.get(), FS_IOC_SETFLAGS, &flags) != 0) {
      throw std::runtime_error(entry.path().string() + ": " + std::strerror(errno));
    }
  }
}

void ScratchDisk::break_down() {
  std::ofstream trigger("/sys/fs/ext4/" + device_of(path_) + "/trigger_fs_error");
  trigger << "disk test" << std::flush;
  if (!trigger) throw std::runtime_error("trigger_fs_error");
}

void ScratchDisk::remount(bool writable) {
  run({"mount", "-o", writable ? "remount,rw" : "remount,ro", path_});
}

void ScratchDisk::detach() {
  if (::umount2(path_.c_str(), MNT_DETACH) != 0)
    throw std::runtime_error(std::string("umount: ") + std::strerror(errno));
}

void ScratchDisk::mount_anew() {
  unmount();
  const Finished checked = run_program({"fsck.ext4", "-p", "-f", dir_ / "image"});
  if (checked.status > 1) throw std::runtime_error("fsck.ext4: " + checked.output);
  mount();
}

}  // namespace vigile
