# mixent_install(NAME HEADER...): what `cmake --install` puts in place of a library of mixent_public_library: shared and static, its
# headers, a CMake package (find_package(NAME), mixent::NAME is the shared one) and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
function(mixent_install name)
  set(directory ${CMAKE_INSTALL_LIBDIR}/cmake/${name})
  install(TARGETS ${name}-shared ${name}-static EXPORT ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  list(TRANSFORM ARGN PREPEND include/mixent/)
  install(FILES ${ARGN} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mixent)
  set(config ${PROJECT_SOURCE_DIR}/cmake/${name}-config.cmake.in)
  if(EXISTS ${config}) # the static library needs others, which are to be found first
    install(EXPORT ${name} NAMESPACE mixent:: FILE ${name}-targets.cmake DESTINATION ${directory})
    configure_package_config_file(${config} ${PROJECT_BINARY_DIR}/${name}-config.cmake INSTALL_DESTINATION ${directory})
    install(FILES ${PROJECT_BINARY_DIR}/${name}-config.cmake DESTINATION ${directory})
  else()
    install(EXPORT ${name} NAMESPACE mixent:: FILE ${name}-config.cmake DESTINATION ${directory})
  endif()
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/${name}-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/${name}-config-version.cmake DESTINATION ${directory})
  # A pkg-config file finds its prefix from where it lies, so that an installed tree may move.
  file(RELATIVE_PATH pkgconfig_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
