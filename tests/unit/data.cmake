unit_test(augment)
