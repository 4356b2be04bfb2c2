unit_test(core)
unit_test(yaml)
