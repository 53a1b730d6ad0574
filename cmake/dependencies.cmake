# Every library from outside, each behind one name. A module names what it uses: suffice_module(... LIBS suffice::yaml).
#
#   suffice::asio       Boost.Asio, Beast and TLS, compiled once        suffice::json      Boost.JSON
#   suffice::boost      Boost's header-only libraries                   suffice::yaml      yaml-cpp
#   suffice::valijson   JSON Schema, with its Boost.JSON adapter        suffice::re2       RE2
#   suffice::cli11      command lines                                   suffice::log       spdlog over the shared fmt
#   suffice::fmt        {fmt}                                           suffice::sqlite    SQLite 3
#   suffice::utf8proc   Unicode                                         suffice::crypto    OpenSSL's libcrypto
#   suffice::liblinear  linear classifiers                              suffice::zlib      gzip
#   suffice::postgres   libpq, PostgreSQL's C client                    suffice::threads
# Tests get gtest and gmock, benches Google Benchmark, from suffice_module().

find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS json)
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(ZLIB REQUIRED)
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp REQUIRED)
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
# Not by pkg-config: where RE2 uses Abseil (Debian 13), that walks Abseil's hundred modules for minutes.
find_path(RE2_INCLUDE_DIR re2/re2.h REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED)
find_package(absl QUIET CONFIG)

# suffice_external(NAME LIB...): the name suffice::NAME for libraries from outside, whose headers never warn.
function(suffice_external name)
  add_library(suffice_external_${name} INTERFACE)
  target_link_libraries(suffice_external_${name} INTERFACE ${ARGN})
  add_library(suffice::${name} ALIAS suffice_external_${name})
endfunction()

suffice_external(boost Boost::headers)
suffice_external(json Boost::json)
suffice_external(fmt fmt::fmt)
suffice_external(log spdlog::spdlog fmt::fmt)
suffice_external(cli11 CLI11::CLI11)
suffice_external(sqlite SQLite::SQLite3)
suffice_external(postgres PostgreSQL::PostgreSQL)
suffice_external(zlib ZLIB::ZLIB)
suffice_external(re2 "${RE2_LIBRARY}")
target_include_directories(suffice_external_re2 SYSTEM INTERFACE "${RE2_INCLUDE_DIR}")
if(TARGET absl::strings)
  target_link_libraries(suffice_external_re2 INTERFACE absl::strings)
endif()
suffice_external(utf8proc "${UTF8PROC_LIBRARY}")
target_include_directories(suffice_external_utf8proc SYSTEM INTERFACE "${UTF8PROC_INCLUDE_DIR}")
find_path(LIBLINEAR_INCLUDE_DIR linear.h PATH_SUFFIXES liblinear REQUIRED)
find_library(LIBLINEAR_LIBRARY linear REQUIRED)
suffice_external(liblinear "${LIBLINEAR_LIBRARY}")
target_include_directories(suffice_external_liblinear SYSTEM INTERFACE "${LIBLINEAR_INCLUDE_DIR}")
suffice_external(crypto OpenSSL::Crypto)
suffice_external(threads Threads::Threads)
suffice_external(valijson Boost::json)
target_include_directories(suffice_external_valijson SYSTEM INTERFACE "${VALIJSON_INCLUDE_DIR}")
if(TARGET yaml-cpp::yaml-cpp)
  suffice_external(yaml yaml-cpp::yaml-cpp)
else()
  suffice_external(yaml yaml-cpp)
endif()

# Asio and Beast are compiled once instead of in every file that includes them. The definitions are global: a file that
# uses Asio without linking suffice::asio then fails to link, instead of mixing two compilations in one program.
add_compile_definitions(
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ALL_NO_LIB)
function(suffice_add_asio target)
  add_library(${target} STATIC "${PROJECT_SOURCE_DIR}/cmake/asio.cpp")
  target_compile_options(${target} PRIVATE -w)
  target_link_libraries(${target} PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
endfunction()
suffice_add_asio(suffice_asio)
add_library(suffice::asio ALIAS suffice_asio)

if(SUFFICE_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()
