/* Passes over the images, weights of rows, losses kept. */
#include "train/pruning.h"
#include "core/memory.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>

enum { PASS_SHIFT = 44 }; /* of keys: beyond any epoch, and beyond the draws for batch statistics */

mixent_status mixent_pruning_make(size_t steps, size_t train_count, mixent_pruning *out) {
  MIXENT_TRY(MIXENT_ALLOCATE(steps, &out->pass));
  MIXENT_TRY(MIXENT_ALLOCATE(steps, &out->whole));
  return MIXENT_ALLOCATE(train_count, &out->drawn);
}

void mixent_pruning_free(mixent_pruning *pruning) {
  free(pruning->pass);
  free(pruning->whole);
  free(pruning->drawn);
}

static double mean_loss(const mixent_pruning_epoch *epoch) {
  double sum = 0, known = 0;
  for (size_t i = 0; i < epoch->train_count; i++) {
    float loss = epoch->losses[epoch->train[i]];
    if (loss >= 0) sum += (double)loss, known++;
  }
  return known > 0 ? sum / known : 0;
}

static bool is_easy(const mixent_pruning *pruning, float loss) {
  return loss >= 0 && (double)loss < pruning->mean;
}

/* Draws a pass, moves the images that it takes to the front; returns how many they are. */
static size_t draw_pass(const mixent_pruning *pruning, const mixent_pruning_epoch *epoch, uint64_t key) {
  const mixent_random random = mixent_random_stream(epoch->seed, "prune", "");
  size_t kept = 0;
  mixent_order_draw(epoch->seed, key, pruning->drawn, epoch->train_count);
  for (size_t i = 0; i < epoch->train_count; i++) {
    uint32_t place = pruning->drawn[i], image = epoch->train[place], word[4];
    if (is_easy(pruning, epoch->losses[image])) {
      mixent_random_block(&random, key, image, word);
      if (word[0] * 0x1p-32 < epoch->fraction) continue;
    }
    pruning->drawn[i] = pruning->drawn[kept];
    pruning->drawn[kept++] = place;
  }
  return kept < epoch->batch ? epoch->train_count : kept;
}

void mixent_pruning_draw(mixent_pruning *pruning, const mixent_pruning_epoch *epoch, uint32_t *order) {
  pruning->mean = epoch->fraction > 0 ? mean_loss(epoch) : 0;
  for (size_t step = 0, pass = 0; step < epoch->steps; pass++) {
    size_t kept = draw_pass(pruning, epoch, epoch->epoch + ((uint64_t)pass << PASS_SHIFT));
    for (size_t batch = 0; batch < kept / epoch->batch && step < epoch->steps; batch++, step++) {
      pruning->pass[step] = (uint32_t)pass;
      pruning->whole[step] = kept == epoch->train_count;
      for (size_t i = 0; i < epoch->batch; i++)
        order[step * epoch->batch + i] = pruning->drawn[batch * epoch->batch + i];
    }
  }
}

uint64_t mixent_pruning_key(const mixent_pruning *pruning, uint64_t epoch, size_t step) {
  return epoch + ((uint64_t)pruning->pass[step] << PASS_SHIFT);
}

void mixent_pruning_weigh(const mixent_pruning *pruning, const float *losses, double fraction, size_t step,
                          mixent_train_batch *batch) {
  for (size_t i = 0; i < batch->rows; i++) {
    bool counts_more = !pruning->whole[step] && is_easy(pruning, losses[batch->indices[i]]);
    batch->weights[i] = counts_more ? (float)(1 / (1 - fraction)) : 1;
  }
}

void mixent_pruning_keep(const mixent_train_batch *batch, const float *logits, float *losses) {
  for (size_t i = 0; i < batch->rows; i++, logits += batch->classes) {
    double largest = (double)logits[0], sum = 0;
    for (size_t k = 1; k < batch->classes; k++) largest = fmax(largest, (double)logits[k]);
    for (size_t k = 0; k < batch->classes; k++) sum += exp((double)logits[k] - largest);
    losses[batch->indices[i]] = (float)(log(sum) + largest - (double)logits[batch->labels[i]]);
  }
}
