# Chooses compiler, linker and compiler cache; the presets load this as their toolchain file.
# clang++-19 when it is there, else g++ 14 or newer. -DSUFFICE_COMPILER=gcc, -DCMAKE_CXX_COMPILER=... and CXX outrank it.

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SUFFICE_COMPILER)
set(SUFFICE_COMPILER "" CACHE STRING "clang, gcc, or empty: the first that is there")

if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  set(candidates clang++-19 clang++-20 clang++-21 g++-14 g++-15 g++-16 g++ clang++)
  if(SUFFICE_COMPILER STREQUAL "gcc")
    list(FILTER candidates INCLUDE REGEX "^g")
  elseif(SUFFICE_COMPILER STREQUAL "clang")
    list(FILTER candidates INCLUDE REGEX "^clang")
  endif()
  find_program(SUFFICE_CXX NAMES ${candidates} NAMES_PER_DIR)
  if(NOT SUFFICE_CXX)
    message(FATAL_ERROR "no C++ compiler found (looked for ${candidates}); run tools/bootstrap")
  endif()
  set(CMAKE_CXX_COMPILER "${SUFFICE_CXX}")
endif()

find_program(SUFFICE_CCACHE ccache)
if(SUFFICE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SUFFICE_CCACHE}" CACHE STRING "")
endif()

# Only clang finds a versioned lld by itself.
find_program(SUFFICE_LLD NAMES ld.lld-19 ld.lld)
if(SUFFICE_LLD AND CMAKE_CXX_COMPILER MATCHES "clang")
  set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld")
  set(CMAKE_SHARED_LINKER_FLAGS_INIT "-fuse-ld=lld")
endif()
