unit_test(mean)
