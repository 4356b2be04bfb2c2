unit_test(loss_kernel)
unit_test(loss_rows)
unit_test(loss_gradient)
unit_test(loss_equivalences)

# For tests/python/test_loss_torch.py.
add_executable(loss_dump tools/loss_dump.c)
target_link_libraries(loss_dump PRIVATE mixent)
