unit_test(views)

# For tests/python/test_onnx.py.
add_executable(predict_dump tools/predict_dump.c)
target_link_libraries(predict_dump PRIVATE mixent)
