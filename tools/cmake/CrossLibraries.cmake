# Libraries for another architecture: headers and sources that Debian installs for all of them. What
# would need more (OpenSSL, zlib, libzip, MPFR, the comparators) is left out, as told here.
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)

# The header has all of fmt: compiled in every file that uses it, it would double the build.
file(CONFIGURE OUTPUT fmt.cc CONTENT "#include <fmt/format.h>\n")
add_library(fmt STATIC ${CMAKE_CURRENT_BINARY_DIR}/fmt.cc)
target_compile_definitions(fmt PRIVATE FMT_HEADER_ONLY)
target_compile_options(fmt PRIVATE -fkeep-inline-functions)
add_library(fmt::fmt ALIAS fmt)

set(INSTALL_GTEST OFF)
add_subdirectory(/usr/src/googletest ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)

message(STATUS "Cross build: OpenSSL is replaced by core/digest_plain.cc")
message(STATUS "Cross build: NOT RUN: the axis process, which qemu cannot run")
message(STATUS "Cross build: NOT RUN: train_cnn_v1, comparators, benchmarks, tools, tests: "
               "their libraries are not there")
