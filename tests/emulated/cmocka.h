/* What the tests of losses and kernels use of cmocka, for processors that Debian has no cmocka at hand for: cross-built, static, in an emulator.
 * A failed assertion ends the program. */
#ifndef MIXENT_TESTS_EMULATED_CMOCKA_H
#define MIXENT_TESTS_EMULATED_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
  const char *name;
  void (*test)(void **state);
};
#define cmocka_unit_test(test)                                                                               \
  { #test, test }

#define print_message(...) printf(__VA_ARGS__)
#define fail_msg(...)                                                                                        \
  do {                                                                                                       \
    printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n[  FAILED  ] 1 test(s)\n");        \
    exit(1);                                                                                                 \
  } while (0)
#define assert_true(condition)                                                                               \
  do {                                                                                                       \
    if (!(condition)) fail_msg("not so: %s", #condition);                                                    \
  } while (0)
#define assert_false(condition)         assert_true(!(condition))
#define assert_null(pointer)            assert_true(!(pointer))
#define assert_non_null(pointer)        assert_true(pointer)
#define assert_int_equal(a, b)          assert_true((long long)(a) == (long long)(b))
#define assert_string_equal(a, b)       assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)

static inline int run_tests(const struct CMUnitTest *tests, size_t count) {
  for (size_t i = 0; i < count; i++) {
    tests[i].test(NULL);
    printf("[       OK ] %s\n", tests[i].name);
    fflush(stdout);
  }
  printf("[  PASSED  ] %zu test(s).\n", count);
  return 0;
}
#define cmocka_run_group_tests(tests, begin, end) run_tests(tests, sizeof(tests) / sizeof *(tests))

#endif
