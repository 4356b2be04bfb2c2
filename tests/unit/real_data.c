/* The real sets, where they are: $MIXENT_DATA or ../shared/data. Counts, moments and names are the published
 * facts. */
#include "data_files.h"

#include "core/memory.h"
#include "mixent/data.h"
#include <math.h>

static mixent_dataset *open_or_skip(const char *name) {
  char *found;
  if (!getenv("MIXENT_DATA")) setenv("MIXENT_DATA", "../shared/data", 1);
  assert_int_equal(mixent_dataset_find(name, NULL, &found), MIXENT_OK);
  if (!found) {
    print_message("%s is not on this machine: not tested\n", name);
    skip();
  }
  free(found);
  mixent_dataset *dataset;
  if (mixent_dataset_open(name, NULL, &dataset) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return dataset;
}

static void assert_set(const mixent_dataset *dataset, size_t train, size_t test, double mean,
                       double deviation) {
  assert_int_equal(dataset->train.count, train);
  assert_int_equal(dataset->test.count, test);
  assert_int_equal(dataset->train.side, 28);
  uint32_t *indices;
  assert_int_equal(MIXENT_ALLOCATE(train, &indices), MIXENT_OK);
  for (size_t i = 0; i < train; i++) indices[i] = (uint32_t)i;
  float means[3], deviations[3];
  mixent_images_moments(&dataset->train, indices, train, means, deviations);
  free(indices);
  assert_true(fabs(means[0] - mean) < 5.1e-5);
  assert_true(fabs(deviations[0] - deviation) < 5.1e-5);
}

static void assert_class_counts(const mixent_images *images, int classes, const size_t *counts) {
  size_t seen[256] = {0};
  for (size_t i = 0; i < images->count; i++) {
    assert_in_range(images->labels[i], 0, classes - 1);
    seen[images->labels[i]]++;
  }
  for (int k = 0; k < classes; k++) assert_int_equal(seen[k], counts[k]);
}

/* The centre of mass of the test images of a class. */
static void find_center(const mixent_dataset *dataset, int class, double *x_mean, double *y_mean) {
  double sum = 0, x_sum = 0, y_sum = 0;
  for (size_t i = 0; i < dataset->test.count; i++)
    for (size_t j = 0; j < 28 * 28 && dataset->test.labels[i] == class; j++) {
      double ink = dataset->test.pixels[i * 28 * 28 + j];
      sum += ink, x_sum += ink * (double)(j % 28), y_sum += ink * (double)(j / 28);
    }
  *x_mean = x_sum / sum, *y_mean = y_sum / sum;
}

/* Images are centred by their box, so that an upright L weighs more to the left and below, P and T weigh more
 * above. */
static void assert_upright(const mixent_dataset *dataset) {
  double x, y;
  find_center(dataset, 'L' - 'A', &x, &y);
  assert_true(x < 13.2 && y > 14);
  find_center(dataset, 'P' - 'A', &x, &y);
  assert_true(y < 13);
  find_center(dataset, 'T' - 'A', &x, &y);
  assert_true(y < 13);
}

/* No test image is the negative of what is trained on, and each one's negative is. */
static void assert_polarity(const mixent_dataset *dataset, float mean) {
  enum { SIZE = 28 * 28 };
  for (size_t i = 0; i < dataset->test.count; i++) {
    uint8_t *image = dataset->test.pixels + i * SIZE;
    assert_false(mixent_image_is_negative(image, 28, 1, &mean));
    mixent_image_invert(image, SIZE);
    assert_true(mixent_image_is_negative(image, 28, 1, &mean));
  }
}

static void test_emnist_letters(void **state) {
  (void)state;
  mixent_dataset *dataset = open_or_skip("emnist-letters");
  assert_set(dataset, 124800, 20800, 0.1722, 0.3309);
  assert_int_equal(dataset->classes, 26);
  assert_true(dataset->transposed);
  size_t train[26], test[26];
  for (int k = 0; k < 26; k++) {
    train[k] = 4800, test[k] = 800;
    assert_int_equal(dataset->labels[k], k + 1);
    assert_string_equal(dataset->class_names[k], ((char[]){(char)('A' + k), 0}));
  }
  assert_class_counts(&dataset->train, 26, train);
  assert_class_counts(&dataset->test, 26, test);
  assert_upright(dataset);
  assert_polarity(dataset, 0.1722F);
  mixent_dataset_free(dataset);
}

static void test_mnist(void **state) {
  (void)state;
  mixent_dataset *dataset = open_or_skip("mnist");
  assert_set(dataset, 60000, 10000, 0.1307, 0.3081);
  assert_int_equal(dataset->classes, 10);
  assert_false(dataset->transposed);
  assert_string_equal(dataset->class_names[7], "7");
  assert_class_counts(&dataset->train, 10,
                      (size_t[]){5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
  assert_class_counts(&dataset->test, 10, (size_t[]){980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009});
  assert_polarity(dataset, 0.1307F);
  mixent_dataset_free(dataset);
}

static void test_fashion_mnist(void **state) {
  (void)state;
  mixent_dataset *dataset = open_or_skip("fashion-mnist");
  assert_set(dataset, 60000, 10000, 0.2860, 0.3530);
  assert_false(dataset->transposed);
  assert_string_equal(dataset->class_names[0], "T-shirt/top");
  assert_string_equal(dataset->class_names[9], "Ankle boot");
  assert_polarity(dataset, 0.2860F);
  mixent_dataset_free(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_emnist_letters),
      cmocka_unit_test(test_mnist),
      cmocka_unit_test(test_fashion_mnist),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
