unit_test(null_arguments)
unit_test(plan_file)
unit_test(recipe)
unit_test(checkpoint)
unit_test(run_directory)
unit_test(trainer)
unit_test(not_finite)
unit_test(step_memory)
unit_test(metrics)
unit_test(views)
unit_test(look_ahead)
unit_test(optimizer)
unit_test(schedule)

# For tests/python/test_optimizer_torch.py.
add_executable(optimizer_dump tools/optimizer_dump.c)
target_include_directories(optimizer_dump PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(optimizer_dump PRIVATE mixent)

# For tests/python/test_onnx.py.
add_executable(predict_dump tools/predict_dump.c)
target_link_libraries(predict_dump PRIVATE mixent)
