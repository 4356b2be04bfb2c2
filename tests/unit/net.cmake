unit_test(graph)
unit_test(layers)
unit_test(layer_rules)
