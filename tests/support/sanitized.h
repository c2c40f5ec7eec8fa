// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vigile {

// Built with a sanitizer, which keeps freed memory and much of its own: no bound on memory can be held then.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

}  // namespace vigile
