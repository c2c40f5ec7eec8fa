// SPDX-License-Identifier: Apache-2.0
// Errors as values. Result<T> holds a T or an Error; member names are those of std::expected, so that it
// can become one.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace vigile {

enum class ErrorKind {
  not_found,    // the thing asked for does not exist
  permission,   // it exists, and this process may not
  io,           // the system failed to read or write it
  parse,        // its text does not say what it should
  config,       // the user's settings are wrong
  timeout,      // no answer within the deadline
  unavailable,  // cannot be had now, may be had later
  corrupt,      // stored data fails its check
  unreadable,   // the medium does not give back what is stored
  full,         // no room left
  conflict,     // somebody else claims what is ours
};

std::string_view to_string(ErrorKind kind);

// `message` reads "what: cause" and names the path or URL.
struct Error {
  ErrorKind kind = ErrorKind::io;
  std::string message;
  bool operator==(const Error&) const = default;
};

// The Error for an errno value: "<what>: <strerror>", with the kind that fits it.
Error errno_error(std::string_view what, int error_number);

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit
  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }
  const Error& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

 private:
  T& checked() {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit
  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    assert(error_);
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace vigile
