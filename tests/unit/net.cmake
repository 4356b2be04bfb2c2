unit_test(graph)
unit_test(networks)
unit_test(layers)
unit_test(layer_rules)
unit_test(backends)
unit_test(choices)
unit_test(stem)
unit_test(fold)

# For tests/python/test_net_torch.py.
add_executable(net_step tools/net_step.c)
target_link_libraries(net_step PRIVATE mixent)
