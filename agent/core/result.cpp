// SPDX-License-Identifier: Apache-2.0
#include "core/result.h"

#include <cerrno>
#include <system_error>

namespace vigile {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::permission:
      return "permission";
    case ErrorKind::io:
      return "io";
    case ErrorKind::parse:
      return "parse";
    case ErrorKind::config:
      return "config";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::unreadable:
      return "unreadable";
    case ErrorKind::full:
      return "full";
    case ErrorKind::conflict:
      return "conflict";
  }
  return "unknown";
}

static ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
      return ErrorKind::not_found;
    case EACCES:
    case EPERM:
      return ErrorKind::permission;
    case ETIMEDOUT:
      return ErrorKind::timeout;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::full;
    case EAGAIN:
    case EBUSY:
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return ErrorKind::unavailable;
    default:
      return ErrorKind::io;
  }
}

Error errno_error(std::string_view what, int error_number) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(error_number);  // strerror, safe in any thread
  return Error{kind_of(error_number), std::move(message)};
}

}  // namespace vigile
