# suffice_module(NAME [DEPS MODULE...] [LIBS TARGET...] [TEST_DEPS MODULE...] [TEST_LIBS TARGET...]
#                [PROGRAM NAME] [EXCLUDE SUBFOLDER...])
#
# Called once in src/NAME/CMakeLists.txt. From the files of that folder and its subfolders:
#   *.cpp            static library suffice_NAME (header-only: an interface library), also named suffice::NAME
#   *_test.cpp       one gtest program suffice_NAME_test, with gmock and, when a test includes "testing/...", suffice_testing
#   x_fuzz.cpp       a seeded fuzz driver suffice_fuzz_x, each
#   *_bench.cpp      one Google Benchmark program suffice_NAME_bench
#   *main.cpp        the program of PROGRAM
# A file that says SUFFICE_SOURCE_DIR gets it as a definition, this folder: for tests and benches only, and only for the files that use it,
# because a compiler cache that several checkouts share knows no file again whose command names its checkout.
# DEPS are folders above this one in the layer order; LIBS are from cmake/dependencies.cmake. Both are public.
# EXCLUDE leaves subfolders to somebody else.
#
# suffice_llama_program(TARGET SOURCES FILE... MODULES NAME...): a program that links libllama; a no-op without libllama.
# With SUFFICE_PLAIN_ENGINE it is built without sanitizers, and so is what it links: every module then has a twin
# suffice_NAME_plain, built only where something links it.

# Everything that is run, and nothing that only tests it.
add_custom_target(programs)

set(SUFFICE_TWINS OFF)
if(SUFFICE_SANITIZE AND SUFFICE_PLAIN_ENGINE)
  set(SUFFICE_TWINS ON)
endif()

# suffice_target_names(OUT SUFFIX MODULE...): targets of modules; a folder that does not exist yet is said and left out.
function(suffice_target_names out suffix)
  set(targets "")
  foreach(module IN LISTS ARGN)
    if(TARGET suffice_${module}${suffix})
      list(APPEND targets suffice_${module}${suffix})
    elseif(module STREQUAL "testing" OR EXISTS "${PROJECT_SOURCE_DIR}/src/${module}/CMakeLists.txt")
      list(APPEND targets suffice_${module}${suffix}) # added later in the layer order
    else()
      message(WARNING "${CMAKE_CURRENT_SOURCE_DIR}: no module '${module}' yet; left out of the link")
    endif()
  endforeach()
  set(${out} "${targets}" PARENT_SCOPE)
endfunction()

# suffice_add_module_library(TARGET SOURCES LINKS PLAIN)
function(suffice_add_module_library target sources links plain)
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    set_target_properties(${target} PROPERTIES SUFFICE_PLAIN ${plain})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} ${scope} ${links})
endfunction()

function(suffice_add_program target plain)
  cmake_parse_arguments(P "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${target} ${P_SOURCES})
  target_link_libraries(${target} PRIVATE ${P_LINKS})
  # The one library folder outside the system is named by suffice_llama_target.
  set_target_properties(${target} PROPERTIES SUFFICE_PLAIN ${plain} SKIP_BUILD_RPATH ON)
endfunction()

function(suffice_llama_program target)
  cmake_parse_arguments(P "" "" "SOURCES;MODULES" ${ARGN})
  if(NOT SUFFICE_LLAMA_FOUND)
    return()
  endif()
  set(suffix "")
  if(SUFFICE_TWINS)
    set(suffix _plain)
  endif()
  suffice_target_names(links "${suffix}" ${P_MODULES})
  suffice_add_program(${target} ${SUFFICE_TWINS} SOURCES ${P_SOURCES} LINKS ${links} suffice::llama)
  # It runs on the root's libraries before the system's: only what it uses is asked for.
  target_link_options(${target} PRIVATE "LINKER:--as-needed")
  add_dependencies(programs ${target})
endfunction()

function(suffice_module name)
  cmake_parse_arguments(M "" "PROGRAM" "DEPS;LIBS;TEST_DEPS;TEST_LIBS;EXCLUDE" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "suffice_module(${name}): unknown arguments ${M_UNPARSED_ARGUMENTS}")
  endif()

  set(folder "${CMAKE_CURRENT_SOURCE_DIR}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  foreach(subfolder IN LISTS M_EXCLUDE)
    file(GLOB_RECURSE excluded CONFIGURE_DEPENDS "${folder}/${subfolder}/*.cpp")
    list(REMOVE_ITEM sources ${excluded})
  endforeach()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  set(fuzzers ${sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  set(benches ${sources})
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")
  set(mains ${sources})
  list(FILTER mains INCLUDE REGEX "main\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|main)\\.cpp$")

  suffice_define_source_dir(${tests} ${benches})
  suffice_target_names(deps "" ${M_DEPS})
  suffice_add_module_library(suffice_${name} "${sources}" "${deps};${M_LIBS}" OFF)
  add_library(suffice::${name} ALIAS suffice_${name})
  set_property(GLOBAL APPEND PROPERTY SUFFICE_MODULES ${name})
  if(SUFFICE_TWINS)
    suffice_target_names(deps _plain ${M_DEPS})
    set(libs ${M_LIBS})
    list(TRANSFORM libs REPLACE "^suffice::asio$" suffice_asio_plain)
    suffice_add_module_library(suffice_${name}_plain "${sources}" "${deps};${libs}" ON)
    set_target_properties(suffice_${name}_plain PROPERTIES EXCLUDE_FROM_ALL ON EXPORT_COMPILE_COMMANDS OFF)
  endif()

  if(M_PROGRAM AND mains)
    suffice_add_program(${M_PROGRAM} OFF SOURCES ${mains} LINKS suffice_${name})
    add_dependencies(programs ${M_PROGRAM})
  endif()
  if(NOT SUFFICE_BUILD_TESTS)
    return()
  endif()

  if(tests)
    suffice_target_names(test_deps "" ${M_TEST_DEPS})
    suffice_uses_testing(uses_testing ${tests})
    if(uses_testing)
      list(APPEND test_deps suffice_testing)
    endif()
    suffice_add_program(suffice_${name}_test OFF SOURCES ${tests}
      LINKS suffice_${name} ${test_deps} ${M_TEST_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND suffice_${name}_test)
  endif()
  foreach(fuzzer IN LISTS fuzzers)
    cmake_path(GET fuzzer STEM stem)
    string(REGEX REPLACE "_fuzz$" "" stem "${stem}")
    suffice_add_program(suffice_fuzz_${stem} OFF SOURCES "${fuzzer}" LINKS suffice_${name})
  endforeach()
  if(benches)
    suffice_add_program(suffice_${name}_bench OFF SOURCES ${benches}
      LINKS suffice_${name} benchmark::benchmark benchmark::benchmark_main)
  endif()
endfunction()

# suffice_define_source_dir(FILE...): for those of the files that use it.
function(suffice_define_source_dir)
  foreach(file IN LISTS ARGN)
    file(STRINGS "${file}" found REGEX "SUFFICE_SOURCE_DIR" LIMIT_COUNT 1)
    if(found)
      set_property(SOURCE "${file}" APPEND PROPERTY COMPILE_DEFINITIONS "SUFFICE_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
    endif()
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
endfunction()

# suffice_uses_testing(OUT FILE...): whether a file includes "testing/...". Asked of the files, so that the tests of a
# low module do not wait for everything that suffice_testing links.
function(suffice_uses_testing out)
  set(${out} FALSE PARENT_SCOPE)
  if(NOT EXISTS "${PROJECT_SOURCE_DIR}/src/testing/CMakeLists.txt")
    return()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
  foreach(file IN LISTS ARGN)
    file(STRINGS "${file}" found REGEX "^#include \"testing/" LIMIT_COUNT 1)
    if(found)
      set(${out} TRUE PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# suffice_library(): suffice::suffice for targets of this build, and the file libsuffice.a (target suffice_lib), all
# modules joined, for a build outside. The engine is a program of its own, cli and testing are not part of the library.
function(suffice_library)
  get_property(modules GLOBAL PROPERTY SUFFICE_MODULES)
  list(REMOVE_ITEM modules engine cli testing)
  add_library(suffice_suffice INTERFACE)
  add_library(suffice::suffice ALIAS suffice_suffice)
  target_include_directories(suffice_suffice INTERFACE "${PROJECT_SOURCE_DIR}/include")

  set(archive "${CMAKE_BINARY_DIR}/libsuffice.a")
  set(script "create ${archive}\n")
  set(archives "")
  foreach(module IN LISTS modules)
    target_link_libraries(suffice_suffice INTERFACE suffice_${module})
    get_target_property(type suffice_${module} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND archives suffice_${module})
      string(APPEND script "addlib $<TARGET_FILE:suffice_${module}>\n")
    endif()
  endforeach()
  if(NOT archives)
    return()
  endif()
  string(APPEND script "addlib $<TARGET_FILE:suffice_asio>\nsave\nend\n")
  file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/libsuffice.mri" CONTENT "${script}")
  add_custom_command(OUTPUT "${archive}"
    COMMAND "${CMAKE_COMMAND}" -E rm -f "${archive}"
    COMMAND "${CMAKE_AR}" -M < "${CMAKE_BINARY_DIR}/libsuffice.mri"
    DEPENDS ${archives} suffice_asio "${CMAKE_BINARY_DIR}/libsuffice.mri"
    COMMENT "Joining libsuffice.a" VERBATIM)
  add_custom_target(suffice_lib DEPENDS "${archive}")
endfunction()

function(suffice_say_configuration)
  if(SUFFICE_SANITIZE)
    set(checks ", sanitizers ${SUFFICE_SANITIZE}")
  endif()
  message(STATUS "Suffice ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}${checks}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  message(STATUS "libllama: ${SUFFICE_LLAMA_FROM}")
endfunction()

if(SUFFICE_TWINS)
  suffice_add_asio(suffice_asio_plain)
  set_target_properties(suffice_asio_plain PROPERTIES SUFFICE_PLAIN ON EXCLUDE_FROM_ALL ON)
endif()
