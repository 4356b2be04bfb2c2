/* Label noise: which labels change, to which classes, and the matrix of confusions that is read for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/status.h"
#include "data/noise/noise.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 60000, CLASSES = 5 };
static int32_t clean[COUNT];
static const double confusions[CLASSES * CLASSES] = {
    /* the diagonal does not count; class 3 is never taken for another */
    900, 1, 3, 0, 0, //
    0,   7, 0, 0, 2, //
    1,   1, 0, 1, 1, //
    0,   0, 0, 9, 0, //
    5,   0, 0, 0, 1};

static int set_up(void **state) {
  (void)state;
  for (int i = 0; i < COUNT; i++) clean[i] = i * 31 % CLASSES;
  return 0;
}

static void apply(mixent_noise_kind kind, double fraction, uint64_t seed, int32_t *labels) {
  memcpy(labels, clean, sizeof clean);
  mixent_noise_apply(&(mixent_noise){kind, fraction, seed, confusions}, labels, COUNT, CLASSES);
}

/* More noise changes the same labels to the same classes; and every kind changes the same ones. */
static void test_nested(void **state) {
  (void)state;
  static int32_t some[COUNT], more[COUNT], uniform[COUNT];
  apply(MIXENT_NOISE_UNIFORM, 0.2, 5, uniform);
  for (mixent_noise_kind kind = MIXENT_NOISE_UNIFORM; kind <= MIXENT_NOISE_CONFUSABLE; kind++) {
    apply(kind, 0, 5, some);
    assert_memory_equal(some, clean, sizeof clean);
    apply(kind, 0.2, 5, some);
    apply(kind, 0.45, 5, more);
    int changed = 0;
    for (int i = 0; i < COUNT; i++) {
      assert_in_range(some[i], 0, CLASSES - 1);
      changed += some[i] != clean[i];
      if (some[i] != clean[i]) assert_int_equal(more[i], some[i]);
      bool kept = kind == MIXENT_NOISE_CONFUSABLE && clean[i] == 3;
      assert_int_equal(some[i] != clean[i], uniform[i] != clean[i] && !kept);
    }
    int wanted = kind == MIXENT_NOISE_CONFUSABLE ? COUNT / 5 * 4 / 5 : COUNT / 5;
    assert_in_range(changed, wanted - 500, wanted + 500); /* 5 standard deviations */
  }
}

static void test_pairs(void **state) {
  (void)state;
  static int32_t labels[COUNT];
  apply(MIXENT_NOISE_PAIR, 1, 5, labels);
  for (int i = 0; i < COUNT; i++) assert_int_equal(labels[i], (clean[i] + 1) % CLASSES);
}

/* As often as the matrix says, row by row. */
static void test_confusable(void **state) {
  (void)state;
  static int32_t labels[COUNT];
  double counts[CLASSES * CLASSES] = {0};
  apply(MIXENT_NOISE_CONFUSABLE, 1, 5, labels);
  for (int i = 0; i < COUNT; i++) counts[clean[i] * CLASSES + labels[i]]++;
  for (int row = 0; row < CLASSES; row++) {
    double all = 0, n = COUNT / CLASSES;
    for (int k = 0; k < CLASSES; k++) all += k == row ? 0 : confusions[row * CLASSES + k];
    for (int k = 0; k < CLASSES; k++) {
      double share = k == row ? all == 0 : all > 0 ? confusions[row * CLASSES + k] / all : 0;
      if (!(fabs(counts[row * CLASSES + k] - share * n) <= 5 * sqrt(n * share * (1 - share))))
        fail_msg("%d became %d %g times of %g", row, k, counts[row * CLASSES + k], n);
    }
  }
}

static char *names[] = {"a", "b", "=c"};
static const mixent_dataset letters = {.name = "three", .classes = 3, .class_names = names};

static mixent_status read_text(const char *text, double **out) {
  char path[] = "/tmp/mixent-noise-XXXXXX";
  FILE *file = fdopen(mkstemp(path), "w");
  fputs(text, file), fclose(file);
  mixent_status status = mixent_confusions_read(path, &letters, out);
  unlink(path);
  return status;
}

static void test_file(void **state) {
  (void)state;
  double *
      matrix; /* columns and rows in an order of their own; as eval writes a name that a spreadsheet would compute */
  assert_int_equal(read_text("class,b,'=c,a\na,1,2.5,7\n'=c,3,4,5\nb,0,0,0\n", &matrix), MIXENT_OK);
  assert_memory_equal(matrix, ((double[]){7, 1, 2.5, 0, 0, 0, 5, 3, 4}), 9 * sizeof *matrix);
  free(matrix);
  static const struct {
    const char *text, *said;
  } cases[] = {{"", "got an empty file"},
               {"class,a,b\n", ":1:1: expected 4 cells, a name and one for each class of three, got 3"},
               {"class,a,b,d\n", ":1:11: expected a class of three, got 'd'"},
               {"class,a,b,b\n", ":1:11: class 'b' comes twice"},
               {"class,a,b,=c\na,1,1,1\n", "expected a line for each of the 3 classes of three, got 1"},
               {"class,a,b,=c\na,1,1,1\na,1,1,1\n", ":3:1: class 'a' comes twice"},
               {"class,a,b,=c\na,1,-1,1\n", ":2:5: expected a count from 0, got '-1'"},
               {"class,a,b,=c\na,1,x,1\n", ":2:5: expected a count from 0, got 'x'"},
               {"class,a,b,=c\na,1,0,0\nb,0,4,0\n=c,0,0,9\n", "no class is ever taken for another"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(read_text(cases[i].text, &matrix), MIXENT_ERROR_FORMAT);
    assert_null(matrix);
    if (!strstr(mixent_last_error(), cases[i].said))
      fail_msg("'%s' lacks '%s'", mixent_last_error(), cases[i].said);
  }
}

/* The letters' own matrix has all of them, and what people confuse stands out in it. */
static void test_own_matrix(void **state) {
  (void)state;
  char *alphabet[26], letter[26][2];
  for (int k = 0; k < 26; k++) letter[k][0] = (char)('A' + k), letter[k][1] = 0, alphabet[k] = letter[k];
  mixent_dataset dataset = {.name = "emnist-letters", .classes = 26, .class_names = alphabet};
  double *matrix;
  assert_int_equal(mixent_confusions_read("", &dataset, &matrix), MIXENT_OK);
  double all = 0;
  for (int i = 0; i < 26 * 26; i++) all += i / 26 == i % 26 ? 0 : matrix[i];
  double i_and_l = matrix[('i' - 'a') * 26 + 'l' - 'a'] + matrix[('l' - 'a') * 26 + 'i' - 'a'];
  assert_true(all > 1000 && i_and_l > 0.1 * all);
  free(matrix);
  dataset.name = "others";
  assert_int_equal(mixent_confusions_read("", &dataset, &matrix), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "mixent has no confusions of others; make them with"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_nested), cmocka_unit_test(test_pairs),
                                     cmocka_unit_test(test_confusable), cmocka_unit_test(test_file),
                                     cmocka_unit_test(test_own_matrix)};
  return cmocka_run_group_tests(tests, set_up, NULL);
}
