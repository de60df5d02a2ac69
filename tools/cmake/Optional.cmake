# What may be missing is found or reported, never half-built.

find_package(dnnl 3 CONFIG QUIET)
if(dnnl_FOUND)
  message(STATUS "oneDNN ${dnnl_VERSION}: found, its kernels are comparators")
else()
  message(STATUS "oneDNN 3: not found, its comparator kernels report themselves unavailable")
endif()

find_package(CUDAToolkit QUIET)
if(CUDAToolkit_FOUND)
  message(STATUS "CUDA ${CUDAToolkit_VERSION}: found, but no kernel uses it yet")
else()
  message(STATUS "CUDA: not found; no kernel uses it yet")
endif()

find_package(MPI QUIET COMPONENTS CXX)
if(MPI_CXX_FOUND)
  message(STATUS "MPI ${MPI_CXX_VERSION}: found, but nothing uses it yet")
else()
  message(STATUS "MPI: not found; nothing uses it yet")
endif()
