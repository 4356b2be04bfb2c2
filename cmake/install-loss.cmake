# What `cmake --install` puts in place of the loss library: shared and static, its headers, a CMake package (mixent-loss) and a
# pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(loss_directory ${CMAKE_INSTALL_LIBDIR}/cmake/mixent-loss)

install(TARGETS mixent-loss-shared mixent-loss-static EXPORT mixent-loss LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/mixent/status.h include/mixent/loss.h include/mixent/weights.h include/mixent/monitor.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mixent)
install(EXPORT mixent-loss NAMESPACE mixent:: FILE mixent-loss-config.cmake DESTINATION ${loss_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mixent-loss-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mixent-loss-config-version.cmake DESTINATION ${loss_directory})
# A pkg-config file finds its prefix from where it lies, so that an installed tree may move.
file(RELATIVE_PATH pkgconfig_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/mixent-loss.pc.in ${PROJECT_BINARY_DIR}/mixent-loss.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mixent-loss.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
