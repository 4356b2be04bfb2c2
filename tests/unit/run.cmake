unit_test(run_directory)
