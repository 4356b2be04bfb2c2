/* model/views, data/augment/view: what the views are, and that predictions are averaged as they should be, for any
 * number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/threads.h"
#include "model/score.h"
#include "small_run.h"
#include <math.h>

enum { ROWS = 10, CLASSES = 4, SIDE = 16, VIEWS = 8 };

static mixent_graph *graph;
static mixent_net *net;
static uint8_t pixels[ROWS * SIDE * SIDE];
static const mixent_images images = {.count = ROWS,
                                     .side = SIDE,
                                     .channels = 1,
                                     .pixels = pixels,
                                     .labels = (int32_t[ROWS]){0, 1, 2, 3, 0, 1}};
static const uint32_t indices[ROWS] = {9, 0, 3, 3, 1, 2, 8, 7, 6, 5};
static const float mean[3] = {0.3F}, deviation[3] = {0.2F};

static int set_up(void **state) {
  (void)state;
  const mixent_graph_options options = {.channels = 1, .side = SIDE, .classes = CLASSES, .dropout = -1};
  const mixent_net_options net_options = {.batch = ROWS, .precision = MIXENT_FP32};
  if (mixent_graph_parse(small_net, "small", &options, &graph) != MIXENT_OK) return -1;
  if (mixent_net_create(graph, &net_options, &net) != MIXENT_OK) return -1;
  mixent_graph_initialize(graph, 1, mixent_net_parameters(net), mixent_net_statistics(net));
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 2654435761U >> 13);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  mixent_net_free(net);
  mixent_graph_free(graph);
  return 0;
}

static const float *run_views(mixent_views *views, int count) {
  const float *logits;
  assert_int_equal(mixent_views_create(count, ROWS, CLASSES, 1, views), MIXENT_OK);
  assert_int_equal(mixent_views_forward(views, net, &images, indices, mean, deviation, &logits), MIXENT_OK);
  return logits;
}

static void test_views_are_small_and_opposite(void **state) {
  (void)state;
  const mixent_transform alone = mixent_view(0);
  assert_false(alone.use_affine || alone.use_perspective || alone.use_elastic || alone.rotation != 0);
  double sums[5] = {0};
  for (int view = 1; view < MIXENT_MOST_VIEWS; view++) {
    const mixent_transform one = mixent_view(view), other = mixent_view(view % 2 ? view + 1 : view - 1);
    assert_true(one.use_affine && !one.use_perspective && !one.use_elastic);
    assert_true(fabs(one.angle) <= 10 && fabs(log(one.scale)) <= 0.1 && fabs(one.stretch) <= 0.1);
    assert_in_range(one.shift_x + 1, 0, 2);
    assert_in_range(one.shift_y + 1, 0, 2);
    assert_true(one.angle == -other.angle && one.shift_x == -other.shift_x && one.shift_y == -other.shift_y);
    assert_true(fabs(one.scale * other.scale - 1) < 1e-12);
    assert_true(fabs((1 + one.stretch) * (1 + other.stretch) - 1) < 1e-12);
    const double values[] = {one.angle, log(one.scale), one.stretch, one.shift_x, one.shift_y};
    for (int k = 0; k < 5; k++) sums[k] += fabs(values[k]);
  }
  for (int k = 0; k < 5; k++) assert_true(sums[k] > 0); /* each is used */
}

static void test_one_view_is_the_network_s_own_logits(void **state) {
  (void)state;
  mixent_views views;
  assert_ptr_equal(run_views(&views, 1), mixent_net_logits(net));
  float logits[ROWS * CLASSES];
  memcpy(logits, mixent_net_logits(net), sizeof logits);
  mixent_batch_fill(&images, indices, ROWS, NULL, 0, 0, mean, deviation, mixent_net_input(net));
  assert_int_equal(mixent_net_forward(net, MIXENT_EVALUATE, 0, 0), MIXENT_OK);
  assert_memory_equal(logits, mixent_net_logits(net), sizeof logits);
  mixent_views_free(&views);
}

/* The mean of softmaxes, image by image and view by view, as it is defined. */
static void test_predictions_are_averaged(void **state) {
  (void)state;
  double wanted[ROWS][CLASSES] = {{0}}, first[ROWS], moved = 0;
  for (int view = 0; view < VIEWS; view++) {
    const mixent_transform transform = mixent_view(view);
    float *input = mixent_net_input(net);
    for (size_t row = 0; row < ROWS; row++) {
      uint8_t changed[SIDE * SIDE], scratch[SIDE * SIDE];
      mixent_transform_apply(&transform, SIDE, 1, pixels + indices[row] * SIDE * SIDE, changed, scratch);
      for (size_t i = 0; i < SIDE * SIDE; i++)
        input[row * SIDE * SIDE + i] = ((float)changed[i] / 255.0F - mean[0]) / deviation[0];
    }
    assert_int_equal(mixent_net_forward(net, MIXENT_EVALUATE, 0, 0), MIXENT_OK);
    const float *logits = mixent_net_logits(net);
    for (size_t row = 0; row < ROWS; row++) {
      double sum = 0;
      for (int k = 0; k < CLASSES; k++) sum += exp((double)logits[row * CLASSES + k]);
      if (view == 0) first[row] = exp((double)logits[row * CLASSES]) / sum;
      for (int k = 0; k < CLASSES; k++)
        wanted[row][k] += exp((double)logits[row * CLASSES + k]) / sum / VIEWS;
    }
  }
  mixent_views views;
  const float *logits = run_views(&views, VIEWS);
  for (size_t row = 0; row < ROWS; row++) {
    double sum = 0;
    moved += fabs(wanted[row][0] - first[row]);
    for (int k = 0; k < CLASSES; k++) sum += exp((double)logits[row * CLASSES + k]);
    assert_true(fabs(sum - 1) < 1e-6);
    for (int k = 0; k < CLASSES; k++)
      assert_true(fabs(exp((double)logits[row * CLASSES + k]) - wanted[row][k]) < 1e-6);
  }
  assert_true(moved > 0);
  float averaged[ROWS * CLASSES];
  memcpy(averaged, logits, sizeof averaged);
  mixent_views_free(&views);
  logits = run_views(&views, VIEWS); /* again, the same bits */
  assert_memory_equal(averaged, logits, sizeof averaged);
  mixent_views_free(&views);
}

/* What fills the input is the same for any number of threads. */
static void test_views_do_not_depend_on_threads(void **state) {
  (void)state;
  static float alone[ROWS * SIDE * SIDE], out[ROWS * SIDE * SIDE];
  for (int view = 0; view < VIEWS; view++) {
    mixent_threads_set(1);
    mixent_batch_view(&images, indices, ROWS, view, mean, deviation, alone);
    mixent_threads_set(3);
    mixent_batch_view(&images, indices, ROWS, view, mean, deviation, out);
    assert_memory_equal(alone, out, sizeof out);
  }
  mixent_threads_set(1);
}

/* A class that no view finds likely has a large loss, not an infinite one; what is no number stays none. */
static void test_sure_predictions(void **state) {
  (void)state;
  float *parameters = mixent_net_parameters(net), saved[4096];
  size_t count = mixent_graph_parameter_count(graph);
  assert_in_range(count, 1, 4096);
  memcpy(saved, parameters, count * sizeof *saved);
  mixent_views views;
  for (size_t i = 0; i < CLASSES; i++) parameters[count - CLASSES + i] = i == 0 ? 1e6F : 0; /* out.bias */
  const float *logits = run_views(&views, 2);
  for (size_t i = 0; i < ROWS; i++) {
    assert_true(logits[i * CLASSES] == 0);
    assert_true(isfinite(logits[i * CLASSES + 1]) && logits[i * CLASSES + 1] < -700);
  }
  mixent_views_free(&views);
  parameters[count - 1] = NAN;
  logits = run_views(&views, 2);
  for (size_t i = 0; i < ROWS * CLASSES; i++) assert_true(isnan(logits[i]));
  mixent_views_free(&views);
  memcpy(parameters, saved, count * sizeof *saved);
}

static void test_numbers_that_cannot_be(void **state) {
  (void)state;
  const int wrong[] = {-1, 0, MIXENT_MOST_VIEWS + 1};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    mixent_views views;
    assert_int_equal(mixent_views_create(wrong[i], ROWS, CLASSES, 1, &views), MIXENT_ERROR_ARGUMENT);
    assert_non_null(strstr(mixent_last_error(), "from 1 to 64"));
    mixent_views_free(&views);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_views_are_small_and_opposite),
      cmocka_unit_test(test_one_view_is_the_network_s_own_logits),
      cmocka_unit_test(test_predictions_are_averaged),
      cmocka_unit_test(test_views_do_not_depend_on_threads),
      cmocka_unit_test(test_sure_predictions),
      cmocka_unit_test(test_numbers_that_cannot_be),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
