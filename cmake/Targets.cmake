# The ways to add a target, one each. Each takes SOURCES and DEPS.
#
#   mannequin_library(common_text SOURCES normalizer.cc DEPS mannequin_proto)
#   mannequin_test(normalizer_test SOURCES normalizer_test.cc DEPS common_text)

set(MANNEQUIN_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror
    # GCC 12 sees these in the standard library's own inlined code at -O2.
    -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow -Wno-error=array-bounds -Wno-error=restrict)

# Frame pointers make profiles readable; -O2 with AVX2 kernels chosen at run time where
# they matter, so that one binary runs on every x86-64.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -fno-omit-frame-pointer -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

set(MANNEQUIN_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined or thread")
if(MANNEQUIN_SANITIZE)
  add_compile_options(-fsanitize=${MANNEQUIN_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${MANNEQUIN_SANITIZE})
endif()

# libFuzzer's counters in everything that is ours; clang alone has them, and it warns of
# other things than the compiler that the project is written for.
option(MANNEQUIN_FUZZ "build tests/fuzz with libFuzzer (clang)" OFF)
if(MANNEQUIN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  list(REMOVE_ITEM MANNEQUIN_WARNINGS -Werror -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow
       -Wno-error=array-bounds -Wno-error=restrict)
endif()

function(mannequin_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${MANNEQUIN_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
endfunction()

# Puts files into the program. `source` becomes the name of a C++ file that defines
# `const std::vector<EmbeddedFile>& FUNCTION()` (common/base/embedded_file.h).
#
#   mannequin_embed(PAGE_CC FUNCTION WebPage FILES index.html style.css)
function(mannequin_embed source)
  cmake_parse_arguments(ARG "" "FUNCTION" "FILES" ${ARGN})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${ARG_FUNCTION}.cc)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D "FILES=${ARG_FILES}" -D FUNCTION=${ARG_FUNCTION} -D OUTPUT=${output} -P ${script}
    DEPENDS ${ARG_FILES} ${script}
    COMMENT "Embedding the files of ${ARG_FUNCTION}"
    VERBATIM)
  set_source_files_properties(${output} PROPERTIES OBJECT_DEPENDS "${ARG_FILES}")
  set(${source} ${output} PARENT_SCOPE)
endfunction()

# Requests, records and transfers are many small blocks of memory: with jemalloc a crawl
# that decodes nothing stores 10 % more pictures a second than with glibc's allocator, and
# what a training frees goes back to the system.
if(NOT MANNEQUIN_SANITIZE)
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
endif()
function(mannequin_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${MANNEQUIN_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${JEMALLOC_LIBRARY})
endfunction()

# One ctest entry a file, run in its own temporary folder by the test itself.
function(mannequin_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${MANNEQUIN_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
