# suffice::llama: the library llama.cpp, for the engine program only.
#
# Looked for in this order:
#   -DSUFFICE_LLAMA_ROOT=DIR  (or the environment): a root of tools/fetch_llama, or the install prefix of an upstream build
#   libllama-dev of the system (Debian testing and later)
#   the root that tools/fetch_llama has made
# With none the configuration succeeds and says that the engine is not built.
#
# suffice_link_llama(TARGET) links a target to it. Compile against the headers you run with: structs of llama.h are
# passed by value and grow between versions under one soname.
# SUFFICE_LLAMA_BACKEND_DIR is defined for users: the folder for ggml_backend_load_all_from_path(), or "" for
# ggml_backend_load_all().

set(SUFFICE_LLAMA_ROOT "$ENV{SUFFICE_LLAMA_ROOT}" CACHE PATH "root of tools/fetch_llama, or an upstream install prefix")
set(SUFFICE_LLAMA_FOUND FALSE)

# suffice_llama_target(INCLUDE_DIR LIBRARY_DIR BACKEND_DIR [LIBRARY...])
function(suffice_llama_target include_dir library_dir backend_dir)
  add_library(suffice_llama INTERFACE)
  add_library(suffice::llama ALIAS suffice_llama)
  target_include_directories(suffice_llama SYSTEM INTERFACE "${include_dir}")
  target_compile_definitions(suffice_llama INTERFACE "SUFFICE_LLAMA_BACKEND_DIR=\"${backend_dir}\"")
  target_link_libraries(suffice_llama INTERFACE ${ARGN})
  # DT_RPATH, not DT_RUNPATH: it also covers what libllama itself needs.
  target_link_options(suffice_llama INTERFACE "LINKER:--disable-new-dtags,-rpath,${library_dir}")
endfunction()

macro(suffice_llama_use_root root)
  set(from_debian FALSE)
  if(EXISTS "${root}/usr/include/llama.h")
    file(GLOB loader "${root}/usr/lib/*/ld-linux-*.so.*")
    cmake_path(GET loader PARENT_PATH library_dir)
    file(GLOB backends LIST_DIRECTORIES true "${library_dir}/ggml/backends*")
    # --no-as-needed with libgomp: ggml loads its CPU variants at run time, and they expect it to be there.
    suffice_llama_target("${root}/usr/include" "${library_dir}" "${backends}"
      "-Wl,--push-state,--no-as-needed" "${library_dir}/libllama.so" "${library_dir}/libggml.so"
      "${library_dir}/libggml-base.so" "${library_dir}/libgomp.so.1" "-Wl,--pop-state")
    # The program starts through the root's own, newer loader and glibc; the linker sees the system's.
    target_link_options(suffice_llama INTERFACE "LINKER:--allow-shlib-undefined,--dynamic-linker=${loader}")
    set(SUFFICE_LLAMA_FOUND TRUE)
  elseif(EXISTS "${root}/include/llama.h")
    find_library(llama_library llama PATHS "${root}/lib" "${root}/lib64" NO_DEFAULT_PATH REQUIRED NO_CACHE)
    cmake_path(GET llama_library PARENT_PATH library_dir)
    suffice_llama_target("${root}/include" "${library_dir}" ""
      "${llama_library}" "${library_dir}/libggml.so" "${library_dir}/libggml-base.so")
    set(SUFFICE_LLAMA_FOUND TRUE)
  endif()
endmacro()

if(SUFFICE_LLAMA_ROOT)
  suffice_llama_use_root("${SUFFICE_LLAMA_ROOT}")
  if(NOT SUFFICE_LLAMA_FOUND)
    message(FATAL_ERROR "SUFFICE_LLAMA_ROOT=${SUFFICE_LLAMA_ROOT} holds neither usr/include/llama.h nor include/llama.h")
  endif()
  set(SUFFICE_LLAMA_FROM "${SUFFICE_LLAMA_ROOT}")
else()
  find_package(llama QUIET CONFIG)
  if(TARGET llama)
    suffice_llama_target("${LLAMA_INCLUDE_DIR}" "${LLAMA_LIB_DIR}" "" llama)
    set(SUFFICE_LLAMA_FOUND TRUE)
    set(SUFFICE_LLAMA_FROM "the system, ${LLAMA_LIB_DIR}")
  else()
    execute_process(COMMAND "${PROJECT_SOURCE_DIR}/tools/fetch_llama" --print-root
      OUTPUT_VARIABLE fetched_root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(fetched_root)
      suffice_llama_use_root("${fetched_root}")
      set(SUFFICE_LLAMA_FROM "${fetched_root}")
    endif()
  endif()
endif()
if(NOT SUFFICE_LLAMA_FOUND)
  set(SUFFICE_LLAMA_FROM "not found, so suffice-engine is not built: run tools/fetch_llama or set -DSUFFICE_LLAMA_ROOT=DIR")
endif()

# suffice_link_llama(TARGET): links a target that is no module of src/ to libllama.
function(suffice_link_llama target)
  target_link_libraries(${target} PUBLIC suffice::llama)
  set_target_properties(${target} PROPERTIES SUFFICE_PLAIN ${SUFFICE_PLAIN_ENGINE} SKIP_BUILD_RPATH ON)
endfunction()
