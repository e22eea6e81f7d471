# What docker/deps.sh installed, as targets.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

execute_process(COMMAND ${CMAKE_SOURCE_DIR}/docker/deps.sh --prefix
                OUTPUT_VARIABLE DEPS OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT EXISTS ${DEPS}/.complete)
  message(FATAL_ERROR "dependencies are missing: run docker/deps.sh")
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(Torch REQUIRED)
pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips)
# By pkg-config: the library's feature macros change the layout of its types.
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(PUGIXML REQUIRED IMPORTED_TARGET pugixml)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(SIXEL REQUIRED IMPORTED_TARGET libsixel)
pkg_check_modules(FONTCONFIG REQUIRED IMPORTED_TARGET fontconfig)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

add_library(sentencepiece STATIC IMPORTED)
set_target_properties(sentencepiece PROPERTIES
  IMPORTED_LOCATION ${DEPS}/sentencepiece/lib/libsentencepiece.a
  INTERFACE_INCLUDE_DIRECTORIES ${DEPS}/sentencepiece/include)
target_link_libraries(sentencepiece INTERFACE protobuf::libprotobuf-lite Threads::Threads)
add_library(sentencepiece_train STATIC IMPORTED)
set_target_properties(sentencepiece_train PROPERTIES
  IMPORTED_LOCATION ${DEPS}/sentencepiece/lib/libsentencepiece_train.a)
target_link_libraries(sentencepiece_train INTERFACE sentencepiece)
