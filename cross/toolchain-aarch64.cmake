# SPDX-License-Identifier: Apache-2.0
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(VIGILE_TRIPLET aarch64-linux-gnu)
set(VIGILE_ARCHITECTURE arm64)
set(VIGILE_QEMU qemu-aarch64-static)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
