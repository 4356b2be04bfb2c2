unit_test(core)
unit_test(sha256)
unit_test(yaml)
