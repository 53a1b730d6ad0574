# Language, warnings, sanitizers and output folders, for every target of the project.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_COLOR_DIAGNOSTICS ON)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles co_await expressions; use clang++-19 (Debian 12) or g++ >= 14 (Debian 13). "
    "tools/bootstrap installs the right one; the presets choose it.")
endif()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
# Asserts stay on in a release: they guard what only a programmer can break, and they are cheap.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")

# Programs land in the root of the build folder: build/release/suffice.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 14 inside libstdc++ and Boost when optimising; clang checks the same things. mismatched-new-delete: it inlines one of
  # the pair of Asio's allocation functions for coroutine frames and then takes the other for a stranger.
  add_compile_options(-Wno-maybe-uninitialized -Wno-dangling-reference -Wno-mismatched-new-delete)
endif()

# Sanitizers, as one comma-separated list for -fsanitize. A target with the property SUFFICE_PLAIN is built without.
set(SUFFICE_SANITIZE "" CACHE STRING "address,undefined or thread; empty for none")
if(SUFFICE_SANITIZE)
  set(instrumented "$<NOT:$<BOOL:$<TARGET_PROPERTY:SUFFICE_PLAIN>>>")
  add_compile_options("$<${instrumented}:-fsanitize=${SUFFICE_SANITIZE}>" "$<${instrumented}:-fno-sanitize-recover=all>")
  add_link_options("$<${instrumented}:-fsanitize=${SUFFICE_SANITIZE}>")
endif()

# The programs that link libllama start through that root's own loader and glibc (cmake/llama.cmake). The runtime of
# the address sanitizer works there (found by trying: clang 19, glibc 2.43, leaks and overflows are reported). The thread
# sanitizer would report OpenMP inside libllama, which is not instrumented, so there these programs are plain.
set(plain_engine OFF)
if(SUFFICE_SANITIZE MATCHES "thread")
  set(plain_engine ON)
endif()
option(SUFFICE_PLAIN_ENGINE "Build the programs that link libllama without sanitizers" ${plain_engine})
