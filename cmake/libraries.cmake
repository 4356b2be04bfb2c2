# What the rooms are put together to: libmixent trains and predicts; the lab, which the program holds besides, alone needs SQLite.
set(libraries PkgConfig::YAML PkgConfig::JANSSON PkgConfig::UTF8PROC PNG::PNG JPEG::JPEG ZLIB::ZLIB CURL::libcurl ${DNNL_LIBRARY})
mixent_library(mixent STATIC status numbers ${rooms})
target_link_libraries(mixent PUBLIC OpenMP::OpenMP_C PRIVATE ${libraries})
mixent_library(mixent-lab STATIC lab)
target_link_libraries(mixent-lab PUBLIC mixent PRIVATE PkgConfig::JANSSON PkgConfig::SQLITE)

# All of the program but main is a library, which tests link, too.
mixent_library(mixent-cli STATIC cli)
target_link_libraries(mixent-cli PUBLIC mixent-lab mixent PkgConfig::JANSSON CURL::libcurl ZLIB::ZLIB)
target_include_directories(mixent-cli PUBLIC ${PROJECT_SOURCE_DIR}/src)
add_executable(mixent_program src/cli/main.c)
set_target_properties(mixent_program PROPERTIES OUTPUT_NAME mixent RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(mixent_program PRIVATE mixent-cli)
