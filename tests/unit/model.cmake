unit_test(views)
unit_test(import_onnx)
unit_test_with_comma(import_onnx)

# For tests/python/test_onnx.py.
add_executable(predict_dump tools/predict_dump.c)
target_link_libraries(predict_dump PRIVATE mixent)

# For tests/cli/test_export_c.py.
add_executable(export_random tools/export_random.c)
target_link_libraries(export_random PRIVATE mixent)
