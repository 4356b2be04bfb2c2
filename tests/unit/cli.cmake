unit_test(signals)
target_sources(test_signals PRIVATE ${PROJECT_SOURCE_DIR}/src/cli/signals.c)
