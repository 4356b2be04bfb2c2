unit_test(optimizer)
unit_test(schedule)

# For tests/python/test_optimizer_torch.py.
add_executable(optimizer_dump tools/optimizer_dump.c)
target_include_directories(optimizer_dump PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(optimizer_dump PRIVATE mixent)
