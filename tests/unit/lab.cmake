unit_test(lab_distributions)
unit_test(lab_statistics)
unit_test(lab_bootstrap)
unit_test(lab_calibration)
