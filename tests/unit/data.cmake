unit_test(augment)
unit_test(idx)
unit_test(dataset)
unit_test(cifar)
unit_test(folder)
unit_test(collection)
unit_test(table)
unit_test(npz)
unit_test(split)
unit_test(batch)
unit_test(png)
unit_test(picture)
unit_test(polarity)
unit_test(real_data)

# For tests/python/test_tables.py.
add_executable(data_dump tools/data_dump.c)
target_include_directories(data_dump PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(data_dump PRIVATE mixent)

# Driven by tests/python/test_fetch.py.
add_executable(tool_fetch tools/fetch.c)
target_include_directories(tool_fetch PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(tool_fetch PRIVATE mixent)
