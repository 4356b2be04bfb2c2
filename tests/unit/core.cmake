unit_test(core)
unit_test(files)
unit_test(sha256)
unit_test(yaml)
