/* The mean over replicas: the tree's order against its plain definition, for every way to share replicas among ranks; threads that fill
 * their arrays while the mean waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "allocations.h"
#include "core/random.h"
#include "core/threads.h"
#include "peers/mean.h"
#include "peers/peers.h"
#include "peers/tree.h"
#include <pthread.h>
#include <string.h>

enum { MOST = 16, COUNT = 3001 }; /* replicas; elements, no multiple of a chunk */

static float array[MOST][COUNT], partial[MOST][COUNT], sum[COUNT];

static void draw_arrays(void) {
  mixent_random random = mixent_random_stream(7, "test", "mean");
  for (int r = 0; r < MOST; r++)
    for (size_t i = 0; i < COUNT; i++) {
      uint32_t word[4];
      mixent_random_block(&random, (uint64_t)r, i, word);
      array[r][i] = (mixent_uniform_float(word[0]) - 0.5f) * (float)(1 << (word[1] % 20)); /* order matters */
    }
}

/* S(a, b) as peers/tree.h defines it. */
static float sum_plainly(int a, int b, size_t i) {
  if (b == a + 1) return array[a][i];
  int power = 1;
  while (2 * power < b - a) power *= 2;
  return sum_plainly(a, a + power, i) + sum_plainly(a + power, b, i);
}

static void assert_mean(const float *got, int replicas) {
  for (size_t i = 0; i < COUNT; i++) {
    float wanted = sum_plainly(0, replicas, i) / (float)replicas;
    if (memcmp(&got[i], &wanted, sizeof wanted) != 0)
      fail_msg("%d replicas, element %zu: %.9g is not %.9g", replicas, i, (double)got[i], (double)wanted);
  }
}

static void add_all(const float *const *leaves, int count, const int *bounds, float divisor, float *out) {
  mixent_tree tree;
  assert_int_equal(mixent_tree_create(count, bounds, &tree), MIXENT_OK);
  mixent_tree_sum(&tree, leaves, 0, COUNT / 3, divisor, out); /* a cut changes nothing */
  mixent_tree_sum(&tree, leaves, COUNT / 3, COUNT, divisor, out);
  mixent_tree_free(&tree);
}

/* What ranks do: each adds up its blocks, then one adds up all blocks. */
static void test_ranks(void **state) {
  (void)state;
  for (int replicas = 1; replicas <= MOST; replicas++)
    for (int ranks = 1; ranks <= replicas; ranks++) {
      if (replicas % ranks) continue;
      int local = replicas / ranks, leaves = 0, all[MOST + 1] = {0};
      const float *sums[MOST];
      for (int rank = 0; rank < ranks; rank++) {
        int bounds[MIXENT_TREE_BOUNDS], blocks = mixent_tree_blocks(rank * local, (rank + 1) * local, bounds);
        for (int k = 0; k < blocks; k++) {
          const float *own[MOST];
          int begin = bounds[k], size = bounds[k + 1] - begin, single[MOST + 1];
          assert_true((size & (size - 1)) == 0 && begin % size == 0);
          for (int r = 0; r <= size; r++) {
            single[r] = r;
            if (r < size) own[r] = array[begin + r];
          }
          add_all(own, size, single, 1, partial[leaves]);
          sums[leaves] = partial[leaves];
          all[++leaves] = bounds[k + 1];
        }
        assert_int_equal(bounds[blocks], (rank + 1) * local);
      }
      add_all(sums, leaves, all, (float)replicas, sum);
      assert_mean(sum, replicas);
    }
}

/* Blocks are as large as they can be: what a rank sends is one array where it holds a power of two of replicas. */
static void test_blocks(void **state) {
  (void)state;
  int bounds[MIXENT_TREE_BOUNDS];
  assert_int_equal(mixent_tree_blocks(24, 32, bounds), 1);
  assert_int_equal(mixent_tree_blocks(0, 1 << 20, bounds), 1);
  assert_int_equal(mixent_tree_blocks(3, 6, bounds), 2);
  assert_int_equal(bounds[1], 4);
  int blocks = mixent_tree_blocks(1, INT32_MAX, bounds); /* the most there can be */
  assert_int_equal(blocks, 60);
  assert_true(blocks < MIXENT_TREE_BOUNDS);
  assert_int_equal(bounds[blocks], INT32_MAX);
}

static float filled[MOST][COUNT];
static mixent_mean *mean;

/* A replica: writes its array from the end to the front, in pieces. */
static void *fill(void *argument) {
  int replica = *(const int *)argument;
  for (size_t end = COUNT; end > 0;) {
    size_t begin = end > 700 ? end - 700 : 0;
    memcpy(filled[replica] + begin, array[replica] + begin, (end - begin) * sizeof(float));
    mixent_mean_ready(mean, replica, begin);
    end = begin;
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  mixent_threads_set(2);
  for (int replicas = 1; replicas <= MOST; replicas++)
    for (int in_place = 0; in_place < 2; in_place++) {
      float *arrays[MOST];
      for (int r = 0; r < replicas; r++) arrays[r] = filled[r];
      mixent_mean_options options = {
          .replicas = replicas, .arrays = arrays, .count = COUNT, .out = in_place ? arrays[0] : sum};
      assert_int_equal(mixent_mean_create(&options, &mean), MIXENT_OK);
      for (int step = 0; step < 3; step++) {
        memset(filled, 0, sizeof filled);
        pthread_t threads[MOST];
        int numbers[MOST];
        for (int r = 0; r < replicas; r++) {
          numbers[r] = r;
          assert_int_equal(pthread_create(&threads[r], NULL, fill, &numbers[r]), 0);
        }
        mixent_mean_finish(mean);
        for (int r = 0; r < replicas; r++) pthread_join(threads[r], NULL);
        assert_mean(options.out, replicas);
      }
      mixent_mean_free(mean);
    }
}

static void test_no_allocation(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  mixent_threads_set(1);
  float *arrays[3] = {array[0], array[1], array[2]};
  mixent_mean_options options = {.replicas = 3, .arrays = arrays, .count = COUNT, .out = sum};
  assert_int_equal(mixent_mean_create(&options, &mean), MIXENT_OK);
  atomic_store(&counting, 1);
  for (int step = 0; step < 3; step++) {
    for (int r = 0; r < 3; r++) mixent_mean_ready(mean, r, 0);
    mixent_mean_finish(mean);
  }
  atomic_store(&counting, 0);
  assert_int_equal(atomic_load(&allocations), 0);
  mixent_mean_free(mean);
  assert_mean(sum, 3);
}

static void test_refused(void **state) {
  (void)state;
  mixent_mean_options options = {.replicas = 0, .count = COUNT, .out = sum};
  assert_int_equal(mixent_mean_create(&options, &mean), MIXENT_ERROR_ARGUMENT);
  assert_null(mean);
}

static void test_alone(void **state) {
  (void)state;
  assert_int_equal(mixent_peers_begin(NULL, NULL), MIXENT_OK);
  assert_int_equal(mixent_peers_rank(), 0);
  assert_int_equal(mixent_peers_count(), 1);
  int mine = 41, all = 0;
  assert_int_equal(mixent_peers_gather(&mine, sizeof mine, &all), MIXENT_OK);
  assert_int_equal(all, 41);
  mixent_fail(MIXENT_ERROR_NUMERIC, "the loss is not finite");
  assert_int_equal(mixent_peers_agree(MIXENT_ERROR_NUMERIC), MIXENT_ERROR_NUMERIC);
  assert_string_equal(mixent_last_error(), "the loss is not finite");
  assert_int_equal(mixent_peers_agree(MIXENT_OK), MIXENT_OK);
  mixent_peers_end(0);
}

int main(void) {
  draw_arrays();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranks),         cmocka_unit_test(test_blocks),  cmocka_unit_test(test_threads),
      cmocka_unit_test(test_no_allocation), cmocka_unit_test(test_refused), cmocka_unit_test(test_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
