unit_test(core)
