// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vigile {

// For std::unique_ptr of what a C library makes: Deleter<BIO_free_all>.
template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace vigile
