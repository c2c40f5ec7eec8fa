// SPDX-License-Identifier: Apache-2.0
#include "ctl/archive.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace vigile {

namespace {

constexpr std::size_t kBlock = 512;

// pax(1), "ustar Interchange Format".
std::array<char, kBlock> header(const std::string& name, std::size_t size, std::int64_t modified_s) {
  std::array<char, kBlock> block{};
  const auto put = [&](std::size_t at, std::string_view text) {
    std::memcpy(block.data() + at, text.data(), text.size());
  };
  const auto octal = [&](std::size_t at, std::size_t digits, unsigned long long value) {
    for (std::size_t i = digits; i-- > 0; value /= 8) block[at + i] = static_cast<char>('0' + value % 8);
  };
  put(0, std::string_view(name).substr(0, 100));
  octal(100, 7, 0600);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, static_cast<unsigned long long>(modified_s));
  put(148, "        ");  // the sum is made with blanks in its place
  block[156] = '0';
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  const unsigned sum = std::accumulate(block.begin(), block.end(), 0U, [](unsigned all, char c) {
    return all + static_cast<unsigned char>(c);
  });
  octal(148, 6, sum);
  block[154] = '\0';
  return block;
}

}  // namespace

Result<Archive> Archive::create(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno_error(path, errno);
  const gzFile file = ::gzdopen(fd, "wb9");
  if (file == nullptr) {
    ::close(fd);
    return Error{ErrorKind::io, path + ": cannot compress"};
  }
  return Archive(path, file);
}

void Archive::Close::operator()(gzFile_s* file) const {
  ::gzclose(file);
}

Archive::~Archive() {
  if (file_ != nullptr) ::unlink(path_.c_str());
}

Result<void> Archive::write(std::string_view bytes) {
  if (bytes.empty() || ::gzwrite(file_.get(), bytes.data(), static_cast<unsigned>(bytes.size())) > 0)
    return {};
  int code = 0;
  const char* const text = ::gzerror(file_.get(), &code);
  if (code == Z_ERRNO) return errno_error(path_, errno);
  return Error{ErrorKind::io, path_ + ": " + text};
}

Result<void> Archive::add(const std::string& name, std::string_view content, std::int64_t modified_s) {
  const auto block = header(name, content.size(), modified_s);
  if (auto done = write({block.data(), block.size()}); !done) return done;
  if (auto done = write(content); !done) return done;
  return write(std::string((kBlock - content.size() % kBlock) % kBlock, '\0'));
}

Result<void> Archive::finish() {
  if (auto done = write(std::string(2 * kBlock, '\0')); !done) return done;
  errno = 0;
  if (::gzclose(file_.release()) == Z_OK) return {};
  const int error = errno != 0 ? errno : EIO;
  ::unlink(path_.c_str());
  return errno_error(path_, error);
}

}  // namespace vigile
