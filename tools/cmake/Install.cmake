# cmake --install: the commands, the goldens, and what find_package(samebits) needs.
#
#   samebits::interface    include/samebits/kernel.h, for a library that `samebits check` loads
#   samebits::kernels      every operation and kernel; #include "kernels/core/registry.h"
#   samebits::conformance  the gate: cells, verdicts, explanations
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(samebits_interface INTERFACE)
target_include_directories(samebits_interface INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
set_target_properties(samebits_interface PROPERTIES EXPORT_NAME interface)
set_target_properties(samebits_kernels PROPERTIES EXPORT_NAME kernels)
set_target_properties(samebits_conformance_lib PROPERTIES EXPORT_NAME conformance)

if(SAMEBITS_HAVE_LIBGOMP AND dnnl_FOUND)
  # It comes from a virtual environment in the build folder, which may go.
  set_target_properties(samebits samebits_conformance PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/samebits")
  install(IMPORTED_RUNTIME_ARTIFACTS DNNL::dnnl
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/samebits)
endif()
install(TARGETS samebits samebits_conformance)
install(TARGETS samebits_interface samebits_math samebits_kernels samebits_collectives samebits_streams samebits_data
                samebits_model samebits_comparators samebits_conformance_lib
        EXPORT samebits-targets)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/samebits)
install(EXPORT samebits-targets NAMESPACE samebits:: DESTINATION ${package})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/samebits-config.cmake.in
  ${CMAKE_BINARY_DIR}/samebits-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/samebits-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/samebits-config.cmake
              ${CMAKE_BINARY_DIR}/samebits-config-version.cmake
        DESTINATION ${package})
install(DIRECTORY include/samebits TYPE INCLUDE)
install(DIRECTORY collectives kernels model conformance DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/samebits
        FILES_MATCHING PATTERN "*.h" PATTERN tests EXCLUDE)
install(DIRECTORY golden DESTINATION ${CMAKE_INSTALL_DATADIR}/samebits)
