# SPDX-License-Identifier: Apache-2.0
# What the architectures share: Debian's cross compiler, and the sysroot that cross/sysroot makes.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${VIGILE_TRIPLET}-gcc)
set(CMAKE_CXX_COMPILER ${VIGILE_TRIPLET}-g++)
set(CMAKE_LIBRARY_ARCHITECTURE ${VIGILE_TRIPLET})

if(NOT VIGILE_SYSROOT)
  if(DEFINED ENV{VIGILE_SYSROOT})
    set(VIGILE_SYSROOT $ENV{VIGILE_SYSROOT})
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(VIGILE_SYSROOT $ENV{XDG_CACHE_HOME}/vigile/sysroot-${VIGILE_ARCHITECTURE})
  else()
    set(VIGILE_SYSROOT $ENV{HOME}/.cache/vigile/sysroot-${VIGILE_ARCHITECTURE})
  endif()
endif()
if(NOT EXISTS ${VIGILE_SYSROOT}/.complete)
  message(FATAL_ERROR "${VIGILE_SYSROOT} is no sysroot: run cross/sysroot ${VIGILE_ARCHITECTURE}")
endif()
set(CMAKE_SYSROOT ${VIGILE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(ENV{PKG_CONFIG_SYSROOT_DIR} ${VIGILE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${VIGILE_SYSROOT}/usr/lib/${VIGILE_TRIPLET}/pkgconfig:${VIGILE_SYSROOT}/usr/share/pkgconfig)

# What libraries need themselves is found beside them. Of libraries that were left out of the sysroot nothing is known.
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,-rpath-link,${VIGILE_SYSROOT}/usr/lib/${VIGILE_TRIPLET}:${VIGILE_SYSROOT}/lib/${VIGILE_TRIPLET}")

# Tests run under user-mode emulation.
find_program(VIGILE_EMULATOR ${VIGILE_QEMU})
if(VIGILE_EMULATOR)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${VIGILE_EMULATOR} -L ${VIGILE_SYSROOT})
endif()
