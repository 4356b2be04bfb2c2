unit_test(augment)
unit_test(idx)
unit_test(dataset)
unit_test(cifar)
unit_test(folder)
unit_test(split)
unit_test(batch)
unit_test(png)
unit_test(real_data)

# Driven by tests/python/test_fetch.py.
add_executable(tool_fetch tools/fetch.c)
target_include_directories(tool_fetch PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(tool_fetch PRIVATE mixent)
