# SPDX-License-Identifier: Apache-2.0
# ARMv7-A with VFPv3-D16, as Debian's armhf.
set(CMAKE_SYSTEM_PROCESSOR arm)
set(VIGILE_TRIPLET arm-linux-gnueabihf)
set(VIGILE_ARCHITECTURE armhf)
set(VIGILE_QEMU qemu-arm-static)
set(CMAKE_CXX_FLAGS_INIT "-Wno-psabi")  # notes on calls across GCC 7.1
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
