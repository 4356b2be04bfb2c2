/* The kernel: terms and gradient of a batch. It knows neither weights, bases nor schedules. Rows are cut into
 * blocks that depend on the batch's shape alone; each block sums its rows, and the blocks are added up in
 * order, so that the result does not depend on who computed which block. Nothing is allocated. */
#include "core/status.h"
#include "loss/check.h"
#include "loss/row.h"
#include <math.h>

enum { MAX_BLOCKS = 256, MIN_BLOCK_ROWS = 8 };
/* A gradient of this many bytes or more is written past the caches: it would only push the logits out of
 * them. */
static const size_t stream_bytes = (size_t)8 << 20;

typedef struct job {
  const mixent_loss_batch *batch;
  mixent_row_rule rule;
  size_t block_rows;
  float *gradient;
  double partial[MAX_BLOCKS][MIXENT_TERMS];
} job;

static void evaluate_row(job *job, size_t row, double terms[MIXENT_TERMS]) {
  const mixent_loss_batch *batch = job->batch;
  const float *logits = batch->logits + row * batch->stride;
  float *gradient = job->gradient ? job->gradient + row * batch->stride : NULL;
  if (batch->targets) {
    mixent_row_soft(&job->rule, batch->classes, logits, batch->targets + row * batch->classes, terms,
                    gradient);
  } else if (batch->labels[row] != batch->ignore_label) {
    mixent_row_hard(&job->rule, batch->classes, logits, (size_t)batch->labels[row], terms, gradient);
  } else if (gradient) {
    for (size_t j = 0; j < batch->classes; j++) gradient[j] = 0;
  }
}

static void evaluate_blocks(void *context, size_t begin, size_t end) {
  job *job = context;
  for (size_t block = begin; block < end; block++) {
    size_t first = block * job->block_rows, last = first + job->block_rows;
    if (last > job->batch->rows) last = job->batch->rows;
    double terms[MIXENT_TERMS] = {0};
    for (size_t row = first; row < last; row++) evaluate_row(job, row, terms);
    for (int i = 0; i < MIXENT_TERMS; i++) job->partial[block][i] = terms[i];
  }
}

mixent_status mixent_loss_evaluate(const mixent_loss_batch *batch, const double coefficients[MIXENT_TERMS],
                                   double eps, mixent_loss_parallel *parallel, double terms[MIXENT_TERMS],
                                   float *gradient) {
  size_t counted;
  if (batch->stride < batch->classes)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the row stride %zu is less than the %zu classes",
                       batch->stride, batch->classes);
  MIXENT_TRY(mixent_loss_check_batch(batch->rows, batch->classes, batch->labels, batch->targets != NULL,
                                     batch->ignore_label, eps, &counted));
  const mixent_row_kernels *kernels;
  MIXENT_TRY(mixent_row_kernels_choose(&kernels));
  job job = {.batch = batch, .gradient = gradient};
  job.rule = (mixent_row_rule){
      .ce1 = coefficients[MIXENT_CE1],
      .h = coefficients[MIXENT_H] - coefficients[MIXENT_KL], /* KL = CE2 - H */
      .ce2 = coefficients[MIXENT_CE2] + coefficients[MIXENT_KL],
      .scale = counted > 0 ? 1.0 / (double)counted : 0,
      .ln_eps = log(eps),
      .eps = (float)eps,
      .kernels = kernels,
      .stream = gradient != batch->logits && batch->rows * batch->classes * sizeof(float) >= stream_bytes,
  };
  job.block_rows = (batch->rows + MAX_BLOCKS - 1) / MAX_BLOCKS;
  if (job.block_rows < MIN_BLOCK_ROWS) job.block_rows = MIN_BLOCK_ROWS;
  size_t blocks = (batch->rows + job.block_rows - 1) / job.block_rows;
  if (parallel && blocks > 1) {
    parallel(blocks, 1, evaluate_blocks, &job);
  } else {
    evaluate_blocks(&job, 0, blocks);
  }
  for (int i = 0; i < MIXENT_TERMS; i++) {
    double sum = 0;
    for (size_t block = 0; block < blocks; block++) sum += job.partial[block][i];
    terms[i] = sum * job.rule.scale;
  }
  return MIXENT_OK;
}
