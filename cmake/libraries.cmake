# What the rooms are put together to.

# libmixent trains and predicts. Inside of the project everything links the static one, whose private functions can be called, too.
list(APPEND libraries $<TARGET_NAME_IF_EXISTS:MPI::MPI_C>)
mixent_public_library(mixent ${PROJECT_SOURCE_DIR}/src/exports.map status numbers text ${rooms})
foreach(library mixent-static mixent-shared)
  target_link_libraries(${library} PRIVATE OpenMP::OpenMP_C ${libraries})
endforeach()
add_library(mixent INTERFACE)
target_link_libraries(mixent INTERFACE mixent-static OpenMP::OpenMP_C)

# The lab, which the program holds besides, alone needs SQLite.
mixent_library(mixent-lab STATIC comparison lab)
target_link_libraries(mixent-lab PUBLIC mixent PRIVATE PkgConfig::JANSSON PkgConfig::SQLITE)

# All of the program but main is a library, which tests link, too.
mixent_library(mixent-cli STATIC cli)
target_link_libraries(mixent-cli PUBLIC mixent-lab mixent PkgConfig::JANSSON CURL::libcurl ZLIB::ZLIB)
target_include_directories(mixent-cli PUBLIC ${PROJECT_SOURCE_DIR}/src)
add_executable(mixent_program src/cli/main.c)
set_target_properties(mixent_program PROPERTIES OUTPUT_NAME mixent RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(mixent_program PRIVATE mixent-cli)
