/* The mean over ranks. A bucket is cut into as many slices as there are ranks, and rank o owns slice o:
 *
 *   reduce   every rank sends the sums of its blocks of replicas (peers/tree.h) to the owners, slice by slice;
 *            each owner adds what it has received in the tree's order, and divides
 *   spread   each owner sends its slice of the mean to all ranks
 *
 * Both are 2 (N - 1) / N times the array's bytes for each rank out and in, where a rank's replicas are one block. All messages are persistent
 * requests over buffers that stay, so that a step allocates nothing. */
#include "peers/exchange.h"
#include "core/memory.h"
#include "peers/mpi/calls.h"
#include "peers/peers.h"
#include "peers/tree.h"

#include <stdlib.h>
#include <string.h>

enum {
  MOST_BUCKETS = 16000,
  MOST_ELEMENTS = 1 << 28
}; /* two tags each, of which MPI has 32767; the size of a message is an int */

typedef enum bucket_state { WAITING, REDUCING, SPREADING, DONE } bucket_state;

typedef struct bucket {
  bucket_state state;
  size_t begin, end;         /* elements */
  size_t own_begin, own_end; /* the slice of this rank */
  const float **leaves;      /* [leaves of the tree]: the slice of this rank, from every block */
  MPI_Request *receives, *sends, *spreads; /* `foreign`, `sent` and 2 * (ranks - 1) of them, side by side */
} bucket;

typedef struct block { /* of this rank's replicas */
  mixent_tree tree;
  const float **arrays; /* [size]: of its replicas */
  const float *sum;     /* [count]: the one array, or `buffer` */
  float *buffer;
} block;

struct mixent_exchange {
  size_t count;
  int ranks, rank, local;
  float *out;
  int blocks;  /* of this rank */
  int foreign; /* blocks of all other ranks */
  int sent;    /* messages of this rank in the reduction of a bucket */
  block *block;
  int *first_leaf;  /* [ranks + 1]: the blocks of a rank are these leaves */
  mixent_tree tree; /* over the blocks of all ranks */
  float *received;  /* what others send of the slices of this rank */
  int buckets, done;
  bucket *bucket;
  const float **leaves;
  MPI_Request *requests;
  int requests_of_bucket;
  bool begun; /* a step */
  bool connected;
  MPI_Comm communicator;
};

/* The slice of a bucket that a rank owns. */
static size_t slice_begin(const mixent_exchange *exchange, const bucket *bucket, int rank) {
  return bucket->begin + (bucket->end - bucket->begin) * (size_t)rank / (size_t)exchange->ranks;
}

/* The blocks of all ranks, and the tree over them. */
static mixent_status lay_out_tree(mixent_exchange *exchange) {
  int *bounds = NULL, leaves = 0, of_rank[MIXENT_TREE_BOUNDS];
  MIXENT_TRY(MIXENT_ALLOCATE(exchange->ranks + 1, &exchange->first_leaf));
  for (int rank = 0; rank < exchange->ranks; rank++) {
    int blocks = mixent_tree_blocks(rank * exchange->local, (rank + 1) * exchange->local, of_rank);
    mixent_status status = MIXENT_RESIZE(&bounds, leaves + blocks + 1, "the blocks of replicas");
    if (status != MIXENT_OK) {
      free(bounds);
      return status;
    }
    memcpy(bounds + leaves, of_rank, (size_t)(blocks + 1) * sizeof *bounds);
    leaves += blocks;
    exchange->first_leaf[rank + 1] = leaves;
  }
  exchange->blocks = exchange->first_leaf[exchange->rank + 1] - exchange->first_leaf[exchange->rank];
  exchange->foreign = leaves - exchange->blocks;
  exchange->sent = (exchange->ranks - 1) * exchange->blocks;
  exchange->requests_of_bucket = exchange->foreign + exchange->sent + 2 * (exchange->ranks - 1);
  mixent_status status = mixent_tree_create(leaves, bounds, &exchange->tree);
  free(bounds);
  return status;
}

static mixent_status lay_out_block(mixent_exchange *exchange, block *block, float *const *arrays, int size) {
  if (size == 1) {
    block->sum = arrays[0];
    return MIXENT_OK;
  }
  int *bounds;
  MIXENT_TRY(MIXENT_ALLOCATE(exchange->count, &block->buffer));
  block->sum = block->buffer;
  MIXENT_TRY(MIXENT_ALLOCATE(size, &block->arrays));
  memcpy(block->arrays, arrays, (size_t)size * sizeof *block->arrays);
  MIXENT_TRY(MIXENT_ALLOCATE(size + 1, &bounds));
  for (int i = 0; i <= size; i++) bounds[i] = i;
  mixent_status status = mixent_tree_create(size, bounds, &block->tree);
  free(bounds);
  return status;
}

static mixent_status lay_out_blocks(mixent_exchange *exchange, float *const *arrays) {
  int first = exchange->rank * exchange->local, bounds[MIXENT_TREE_BOUNDS];
  mixent_tree_blocks(first, first + exchange->local, bounds);
  MIXENT_TRY(MIXENT_ALLOCATE(exchange->blocks, &exchange->block));
  for (int k = 0; k < exchange->blocks; k++)
    MIXENT_TRY(lay_out_block(exchange, &exchange->block[k], arrays + (bounds[k] - first),
                             bounds[k + 1] - bounds[k]));
  return MIXENT_OK;
}

/* The slices of this rank, as they will lie in memory: its own blocks in place, those of others one behind the other in `received`. */
static void lay_out_leaves(mixent_exchange *exchange, bucket *bucket, float **received) {
  size_t size = bucket->own_end - bucket->own_begin;
  for (int leaf = 0; leaf < exchange->tree.leaves; leaf++) {
    int k = leaf - exchange->first_leaf[exchange->rank];
    if (k >= 0 && k < exchange->blocks) {
      bucket->leaves[leaf] = exchange->block[k].sum + bucket->own_begin;
    } else {
      bucket->leaves[leaf] = *received;
      *received += size;
    }
  }
}

static mixent_status lay_out_buckets(mixent_exchange *exchange, size_t size) {
  if (size < exchange->count / MOST_BUCKETS + 1) size = exchange->count / MOST_BUCKETS + 1;
  if (size > MOST_ELEMENTS) size = MOST_ELEMENTS;
  exchange->buckets = (int)((exchange->count + size - 1) / size);
  size_t owned = 0, buckets = (size_t)exchange->buckets;
  MIXENT_TRY(MIXENT_ALLOCATE(buckets, &exchange->bucket));
  MIXENT_TRY(MIXENT_ALLOCATE(buckets * (size_t)exchange->tree.leaves, &exchange->leaves));
  MIXENT_TRY(MIXENT_ALLOCATE(buckets * (size_t)exchange->requests_of_bucket, &exchange->requests));
  for (int b = 0; b < exchange->buckets; b++) {
    bucket *bucket = &exchange->bucket[b];
    bucket->begin = (size_t)b * size;
    bucket->end = exchange->count - bucket->begin < size ? exchange->count : bucket->begin + size;
    bucket->own_begin = slice_begin(exchange, bucket, exchange->rank);
    bucket->own_end = slice_begin(exchange, bucket, exchange->rank + 1);
    bucket->leaves = exchange->leaves + b * exchange->tree.leaves;
    bucket->receives = exchange->requests + (size_t)b * (size_t)exchange->requests_of_bucket;
    bucket->sends = bucket->receives + exchange->foreign;
    bucket->spreads = bucket->sends + exchange->sent;
    owned += bucket->own_end - bucket->own_begin;
  }
  MIXENT_TRY(MIXENT_ALLOCATE(owned * (size_t)exchange->foreign, &exchange->received));
  float *received = exchange->received;
  for (int b = 0; b < exchange->buckets; b++) lay_out_leaves(exchange, &exchange->bucket[b], &received);
  return MIXENT_OK;
}

mixent_status mixent_exchange_create(float *const *arrays, int local, size_t count, size_t bucket, float *out,
                                     mixent_exchange **exchange) {
  *exchange = NULL;
  if (mixent_peers_count() == 1) return MIXENT_OK;
  mixent_exchange *created;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &created));
  *created = (mixent_exchange){
      .count = count, .ranks = mixent_peers_count(), .rank = mixent_peers_rank(), .local = local, .out = out};
  mixent_status status = lay_out_tree(created);
  if (status == MIXENT_OK) status = lay_out_blocks(created, arrays);
  if (status == MIXENT_OK) status = lay_out_buckets(created, bucket);
  if (status == MIXENT_OK)
    *exchange = created;
  else
    mixent_exchange_free(created);
  return status;
}

void mixent_exchange_free(mixent_exchange *exchange) {
  if (!exchange) return;
  mixent_mpi_enter();
  if (exchange->connected) {
    for (int i = 0; i < exchange->buckets * exchange->requests_of_bucket; i++)
      MPI_Request_free(&exchange->requests[i]);
    MPI_Comm_free(&exchange->communicator);
  }
  mixent_mpi_leave();
  for (int k = 0; exchange->block && k < exchange->blocks; k++) {
    mixent_tree_free(&exchange->block[k].tree);
    free(exchange->block[k].arrays);
    free(exchange->block[k].buffer);
  }
  mixent_tree_free(&exchange->tree);
  free(exchange->block);
  free(exchange->first_leaf);
  free(exchange->received);
  free(exchange->bucket);
  free(exchange->leaves);
  free(exchange->requests);
  free(exchange);
}

/* The messages of a bucket. Each rank begins with the one after it, so that no owner is everybody's first. */
static void connect_bucket(mixent_exchange *exchange, bucket *bucket, int tag) {
  MPI_Request *receive = bucket->receives, *send = bucket->sends, *spread = bucket->spreads;
  MPI_Comm communicator = exchange->communicator;
  int own_size = (int)(bucket->own_end - bucket->own_begin);
  for (int i = 1; i < exchange->ranks; i++) {
    int other = (exchange->rank + i) % exchange->ranks;
    size_t begin = slice_begin(exchange, bucket, other);
    int size = (int)(slice_begin(exchange, bucket, other + 1) - begin);
    for (int leaf = exchange->first_leaf[other]; leaf < exchange->first_leaf[other + 1]; leaf++)
      MIXENT_MPI(MPI_Recv_init, (float *)bucket->leaves[leaf], own_size, MPI_FLOAT, other, tag, communicator,
                 receive++);
    for (int k = 0; k < exchange->blocks; k++)
      MIXENT_MPI(MPI_Send_init, exchange->block[k].sum + begin, size, MPI_FLOAT, other, tag, communicator,
                 send++);
    MIXENT_MPI(MPI_Recv_init, exchange->out + begin, size, MPI_FLOAT, other, tag + 1, communicator, spread++);
    MIXENT_MPI(MPI_Send_init, exchange->out + bucket->own_begin, own_size, MPI_FLOAT, other, tag + 1,
               communicator, spread++);
  }
}

void mixent_exchange_connect(mixent_exchange *exchange) {
  exchange->communicator = mixent_mpi_duplicate(MPI_COMM_WORLD);
  mixent_mpi_enter();
  for (int b = 0; b < exchange->buckets; b++) connect_bucket(exchange, &exchange->bucket[b], 2 * b);
  mixent_mpi_leave();
  exchange->connected = true;
}

static void start(int count, MPI_Request *requests) {
  mixent_mpi_enter();
  MIXENT_MPI(MPI_Startall, count, requests);
  mixent_mpi_leave();
}

static bool are_done(int count, MPI_Request *requests) {
  int done;
  mixent_mpi_enter();
  MIXENT_MPI(MPI_Testall, count, requests, &done, MPI_STATUSES_IGNORE);
  mixent_mpi_leave();
  return done;
}

/* The sums of this rank's own blocks. */
static void sum_own(mixent_exchange *exchange, const bucket *bucket) {
  for (int k = 0; k < exchange->blocks; k++) {
    block *block = &exchange->block[k];
    if (block->buffer)
      mixent_tree_sum(&block->tree, block->arrays, bucket->begin, bucket->end, 1, block->buffer);
  }
}

/* Whether the bucket has gone on. */
static bool advance_bucket(mixent_exchange *exchange, bucket *bucket, size_t complete_from) {
  switch (bucket->state) {
  case WAITING:
    if (complete_from > bucket->begin) return false;
    sum_own(exchange, bucket);
    start(exchange->sent, bucket->sends);
    bucket->state = REDUCING;
    return true;
  case REDUCING:
    if (!are_done(exchange->foreign + exchange->sent, bucket->receives)) return false;
    mixent_tree_sum(&exchange->tree, bucket->leaves, 0, bucket->own_end - bucket->own_begin,
                    (float)(exchange->ranks * exchange->local), exchange->out + bucket->own_begin);
    start(2 * (exchange->ranks - 1), bucket->spreads);
    bucket->state = SPREADING;
    return true;
  case SPREADING:
    if (!are_done(2 * (exchange->ranks - 1), bucket->spreads)) return false;
    bucket->state = DONE;
    exchange->done++;
    return true;
  case DONE:
  default: return false;
  }
}

bool mixent_exchange_advance(mixent_exchange *exchange, size_t complete_from) {
  if (!exchange->begun)
    for (int b = 0; b < exchange->buckets; b++) start(exchange->foreign, exchange->bucket[b].receives);
  exchange->begun = true;
  for (bool moved = true; moved;) {
    moved = false;
    for (int b = exchange->buckets - 1; b >= 0; b--)
      moved |= advance_bucket(exchange, &exchange->bucket[b], complete_from);
  }
  if (exchange->done < exchange->buckets) return false;
  for (int b = 0; b < exchange->buckets; b++) exchange->bucket[b].state = WAITING;
  exchange->done = 0;
  exchange->begun = false;
  return true;
}
