# What may be missing is found or reported, never half-built.

set(SAMEBITS_HAVE_LIBGOMP FALSE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  find_package(OpenMP QUIET COMPONENTS CXX)
  set(SAMEBITS_HAVE_LIBGOMP ${OpenMP_CXX_FOUND})
endif()
if(NOT SAMEBITS_HAVE_LIBGOMP)
  message(STATUS "libgomp: not used (needs g++ on x86-64), comparator kernels report themselves unavailable")
endif()

find_package(dnnl 3 CONFIG QUIET)
if(dnnl_FOUND)
  message(STATUS "oneDNN ${dnnl_VERSION}: found, its kernels are comparators")
else()
  message(STATUS "oneDNN 3: not found, its comparator kernels report themselves unavailable")
endif()

# Sanitizers do not follow fibers.
set(SAMEBITS_HAVE_EMULATOR FALSE)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
  message(STATUS "Emulator of CUDA: left out, as a sanitizer is on")
else()
  find_package(Boost QUIET COMPONENTS context)
  set(SAMEBITS_HAVE_EMULATOR ${Boost_CONTEXT_FOUND})
  if(NOT SAMEBITS_HAVE_EMULATOR)
    message(STATUS "Boost.Context: not found; cuda_emulated kernels report themselves unavailable")
  endif()
endif()

# The release compiler's build has the GPU's kernels; the other builds show other things.
include(CheckLanguage)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
  check_language(CUDA)
endif()
if(CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100 CACHE STRING "GPUs to build for")
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc 12 has it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  # CMake 3.25's own search for the toolkit fails on wheels, which have but a part of it. Static, so
  # that what is installed or packed needs no CUDA to start.
  find_library(SAMEBITS_CUDART cudart_static
               REQUIRED HINTS ${CMAKE_CUDA_HOST_IMPLICIT_LINK_DIRECTORIES})
  message(STATUS "CUDA ${CMAKE_CUDA_COMPILER_VERSION}: kernels for ${CMAKE_CUDA_ARCHITECTURES}")
else()
  message(STATUS "CUDA: not used; cuda kernels report themselves unavailable")
endif()

set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI QUIET COMPONENTS CXX)
if(MPI_CXX_FOUND)
  message(STATUS "MPI ${MPI_CXX_VERSION}: found, ranks may be processes of mpirun")
else()
  message(STATUS "MPI: not found, train --ranks mpi is unavailable")
endif()
