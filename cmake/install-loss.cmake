include(cmake/install-library.cmake)
mixent_install(mixent-loss status.h loss.h weights.h monitor.h)
