# Those that need neither a graph nor oneDNN; they run in emulators too.
unit_test(norm)
unit_test(smooth)
unit_test(elementwise)
unit_test(narrow)
unit_test(transforms)
unit_test(winograd)
