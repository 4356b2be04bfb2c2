/* The order in which arrays of replicas are added: a binary tree over the numbers of replicas, which knows nothing of the processes
 * that hold them.
 *
 *   S(a, a + 1) = x_a        S(a, b) = S(a, m) + S(m, b),  m = a + the largest power of two below b - a
 *
 *   six replicas:  ((x0 + x1) + (x2 + x3)) + (x4 + x5)
 *
 * A block [k 2^j, (k + 1) 2^j) of replicas is a node of the tree of any number of replicas that contains it. A process that holds the
 * replicas [a, b) can therefore add up the largest blocks within [a, b), and whoever adds the blocks of all processes gets the bits that
 * one process would get. */
#ifndef MIXENT_PEERS_TREE_H
#define MIXENT_PEERS_TREE_H

#include "core/status.h"
#include <stddef.h>

/* Most bounds of the blocks of one process. */
enum { MIXENT_TREE_BOUNDS = 64 };

/* Cuts the replicas [begin, end) into the largest blocks: block i is [bounds[i], bounds[i + 1]). Returns how many there are. */
int mixent_tree_blocks(int begin, int end, int bounds[MIXENT_TREE_BOUNDS]);

/* How to add `leaves` arrays, one for each block: after leaf i the last two sums are added `merges[i]` times. */
typedef struct mixent_tree {
  int leaves;
  unsigned char *merges; /* [leaves] */
} mixent_tree;

/* The tree of replicas [bounds[0], bounds[leaves]), of which arrays for the blocks [bounds[i], bounds[i + 1]) are given. Every block
 * must be a node of the tree. Free with mixent_tree_free. */
mixent_status mixent_tree_create(int leaves, const int *bounds, mixent_tree *tree);
void mixent_tree_free(mixent_tree *tree);

/* out[i] = (the sum of leaves[...][i] in the tree's order) / divisor, for i of [begin, end). `out` may be one of the leaves. */
void mixent_tree_sum(const mixent_tree *tree, const float *const *leaves, size_t begin, size_t end,
                     float divisor, float *out);

#endif
