/* The tree is walked like an expression in postfix form: a leaf is put on a stack of sums, then merges take the two on top. */
#include "peers/tree.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
  CHUNK = 128,
  DEPTH = 32
}; /* elements that are summed at once; sums on the stack: one for each bit of an int */

int mixent_tree_blocks(int begin, int end, int bounds[MIXENT_TREE_BOUNDS]) {
  int blocks = 0;
  bounds[0] = begin;
  while (begin < end) {
    int size = 1;
    while (size <= (end - begin) / 2 && begin % (2 * size) == 0) size *= 2;
    begin += size;
    bounds[++blocks] = begin;
  }
  return blocks;
}

/* Counts the additions of S(a, b) behind the leaves after which they can be made. Leaf *next is the first one of the node, afterwards the
 * first one behind it. */
static void count_merges(mixent_tree *tree, const int *bounds, int a, int b, int *next) {
  if (bounds[*next + 1] >= b) {
    ++*next;
    return;
  }
  int half = 1;
  while (half < b - a - half) half *= 2;
  count_merges(tree, bounds, a, a + half, next);
  count_merges(tree, bounds, a + half, b, next);
  tree->merges[*next - 1]++;
}

mixent_status mixent_tree_create(int leaves, const int *bounds, mixent_tree *tree) {
  *tree = (mixent_tree){.leaves = leaves};
  MIXENT_TRY(MIXENT_ALLOCATE(leaves, &tree->merges));
  int next = 0;
  count_merges(tree, bounds, bounds[0], bounds[leaves], &next);
  return MIXENT_OK;
}

void mixent_tree_free(mixent_tree *tree) {
  free(tree->merges);
  *tree = (mixent_tree){0};
}

static void add(float *restrict sum, const float *restrict term, size_t count) {
  for (size_t i = 0; i < count; i++) sum[i] += term[i];
}

static void sum_chunk(const mixent_tree *tree, const float *const *leaves, size_t begin, size_t count,
                      float divisor, float *out) {
  float stack[DEPTH][CHUNK];
  int top = 0;
  memcpy(stack[0], leaves[0] + begin, count * sizeof(float)); /* nothing can be added yet */
  for (int leaf = 1; leaf < tree->leaves; leaf++) {
    int merges = tree->merges[leaf];
    if (merges > 0) { /* the first one without a copy of the leaf */
      add(stack[top], leaves[leaf] + begin, count);
      merges--;
    } else {
      memcpy(stack[++top], leaves[leaf] + begin, count * sizeof(float));
    }
    for (; merges > 0; merges--, top--) add(stack[top - 1], stack[top], count);
  }
  for (size_t i = 0; i < count; i++) out[begin + i] = stack[0][i] / divisor;
}

void mixent_tree_sum(const mixent_tree *tree, const float *const *leaves, size_t begin, size_t end,
                     float divisor, float *out) {
  for (; begin < end; begin += CHUNK)
    sum_chunk(tree, leaves, begin, end - begin < CHUNK ? end - begin : CHUNK, divisor, out);
}
