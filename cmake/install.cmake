# What `cmake --install` puts in place: program, man pages, completion of shells, library, public headers, a CMake package and a
# pkg-config file.
include(cmake/install-loss.cmake)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/mixent)

install(TARGETS mixent EXPORT mixent ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET mixent_program)
  install(TARGETS mixent_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set(completion ${PROJECT_SOURCE_DIR}/src/cli/completion)
  install(FILES ${completion}/mixent.bash DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions RENAME mixent)
  install(FILES ${completion}/_mixent DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/site-functions)
  install(FILES ${completion}/mixent.fish DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d)
  if(TARGET mixent_manual)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN *.1)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 FILES_MATCHING PATTERN *.5)
  endif()
endif()
install(DIRECTORY include/mixent TYPE INCLUDE)
install(EXPORT mixent NAMESPACE mixent:: FILE mixent-targets.cmake DESTINATION ${package_directory})
configure_package_config_file(cmake/mixent-config.cmake.in ${PROJECT_BINARY_DIR}/mixent-config.cmake
                              INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mixent-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mixent-config.cmake ${PROJECT_BINARY_DIR}/mixent-config-version.cmake
        DESTINATION ${package_directory})
configure_file(cmake/mixent.pc.in ${PROJECT_BINARY_DIR}/mixent.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mixent.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
