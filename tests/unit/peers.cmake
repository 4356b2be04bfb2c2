unit_test(mean)

# For tests/mpi, which runs it on several ranks.
add_executable(peers tools/peers.c)
target_include_directories(peers PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(peers PRIVATE mixent)
