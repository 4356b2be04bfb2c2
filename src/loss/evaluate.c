/* A batch: checks, rows in blocks, reduction. Rows are cut into blocks that depend on the batch's shape
 * alone; each block sums its rows, and the blocks are added up in order, so that the result does not depend
 * on who computed which block. */
#include "core/status.h"
#include "loss/check.h"
#include "loss/row.h"

#include <math.h>
#include <string.h>

enum {
  MAX_BLOCKS = 256,
  MIN_BLOCK_ROWS = 8,
  MIN_PIECE = 1 << 14 /* elements that are worth waking a thread for */
};
/* A gradient of this many bytes or more is written past the caches: it would only push the logits out of
 * them. */
static const size_t stream_bytes = (size_t)8 << 20;
/* Bytes of stack for the exponentials of two rows: more where rows are longer, as many as a second-level
 * cache holds beside them. */
enum { SHORT_ROWS = 1 << 15, LONG_ROWS = 5 << 16 };

const char *const mixent_term_names[] = {"ce1", "h",     "ce2",   "kl",          "focal", "gce",
                                         "mae", "poly1", "brier", "bi-tempered", NULL};

mixent_loss_rule mixent_loss_rule_defaults(void) {
  return (mixent_loss_rule){.wanted = 1u << MIXENT_CE1 | 1u << MIXENT_H | 1u << MIXENT_CE2 | 1u << MIXENT_KL,
                            .eps = 1e-6,
                            .focal_gamma = 2,
                            .gce_q = 0.7,
                            .t1 = 0.8,
                            .t2 = 1.2};
}

const char *mixent_loss_cpu(void) {
  const mixent_row_kernels *const *kernels;
  return mixent_row_kernels_choose(&kernels) == MIXENT_OK ? kernels[0]->name : "none";
}

typedef struct block_sums {
  double terms[MIXENT_TERMS], value;
  size_t undefined;
} block_sums;

typedef struct loss_job {
  const mixent_loss_batch *batch;
  mixent_loss_result *result;
  mixent_row_rule rule;
  double scale; /* one over the divisor */
  size_t block_rows, scratch_bytes, scratch_size, logits_stride, gradient_stride, targets_stride, logits_size,
      targets_size;
  bool stream, class_weighted_rows; /* hard labels without smoothing: a row's weight holds its class's */
  block_sums sums[MAX_BLOCKS];
} loss_job;

static void *row_of(const void *data, size_t row, size_t stride, size_t size) {
  return (char *)data + row * stride * size;
}

static double combine(const mixent_loss_rule *rule, const double terms[MIXENT_TERMS]) {
  double value = 0;
  for (int term = 0; term < MIXENT_TERMS; term++)
    if (rule->coefficients[term] != 0) value += rule->coefficients[term] * terms[term]; /* 0 * inf is 0 */
  return value;
}

/* One thread's workspace: two rows' exponentials, for one is written while the next is read. */
typedef struct thread_workspace {
  char *scratch[2];
  mixent_row_writing writing;
  block_sums sums;
} thread_workspace;

static void evaluate_row(loss_job *job, size_t index, thread_workspace *workspace) {
  const mixent_loss_batch *batch = job->batch;
  mixent_loss_result *result = job->result;
  block_sums *sums = &workspace->sums;
  double terms[MIXENT_TERMS], value = 0, weight = 1;
  int64_t label = batch->labels.data ? mixent_label_at(&batch->labels, index) : 0;
  const mixent_row row = {
      .classes = batch->classes,
      .label = (size_t)label,
      .logits = row_of(batch->logits.data, index, job->logits_stride, job->logits_size),
      .next = index + 1 < batch->rows
                  ? row_of(batch->logits.data, index + 1, job->logits_stride, job->logits_size)
                  : NULL,
      .gradient =
          result->gradient ? row_of(result->gradient, index, job->gradient_stride, job->logits_size) : NULL,
      .scratch = workspace->scratch[workspace->writing.row.scratch ==
                                    workspace->scratch[0]], /* not that of the row being written */
      .scratch_size = job->scratch_size,
      .stream = job->stream};
  if (batch->labels.data && batch->ignore && label == batch->ignore_label) {
    if (row.gradient) job->rule.kernels->fill(batch->classes, 0, row.gradient);
    for (int term = 0; term < MIXENT_TERMS; term++) terms[term] = 0;
  } else {
    if (batch->row_weights.data) weight *= mixent_number_at(&batch->row_weights, index);
    if (job->class_weighted_rows) weight *= mixent_number_at(&batch->class_weights, row.label);
    const void *targets = batch->targets.data
                              ? row_of(batch->targets.data, index, job->targets_stride, job->targets_size)
                              : NULL;
    bool defined =
        mixent_row_evaluate(&job->rule, &row, targets, weight, job->scale, terms, &workspace->writing);
    value = defined ? combine(job->rule.rule, terms) : NAN;
    sums->undefined += !defined;
  }
  for (int term = 0; term < MIXENT_TERMS; term++) sums->terms[term] += terms[term];
  sums->value += value;
  if (result->row_values) result->row_values[index] = value;
  if (result->row_terms) memcpy(result->row_terms + index * MIXENT_TERMS, terms, sizeof terms);
}

static void evaluate_blocks(loss_job *job, size_t begin, size_t end, char *scratch) {
  thread_workspace workspace = {.scratch = {scratch, scratch + job->scratch_bytes / 2}};
  for (size_t block = begin; block < end; block++) {
    size_t first = block * job->block_rows, last = first + job->block_rows;
    if (last > job->batch->rows) last = job->batch->rows;
    workspace.sums = (block_sums){{0}, 0, 0};
    for (size_t row = first; row < last; row++) evaluate_row(job, row, &workspace);
    job->sums[block] = workspace.sums;
  }
  mixent_row_finish(&job->rule, &workspace.writing);
  job->rule.kernels->finish_stores();
}

/* What rows keep between their passes stands on the stack of whoever evaluates them. */
static void evaluate_short_rows(void *context, size_t begin, size_t end) {
  _Alignas(64) char scratch[SHORT_ROWS];
  evaluate_blocks(context, begin, end, scratch);
}

static void evaluate_long_rows(void *context, size_t begin, size_t end) {
  _Alignas(64) char scratch[LONG_ROWS];
  evaluate_blocks(context, begin, end, scratch);
}

static void set_up(loss_job *job, const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                   mixent_loss_result *result) {
  size_t classes = batch->classes;
  job->batch = batch, job->result = result;
  job->scale = 1 / result->divisor;
  job->logits_stride = batch->logits.stride ? batch->logits.stride : classes;
  job->gradient_stride = result->gradient_stride ? result->gradient_stride : job->logits_stride;
  job->targets_stride = batch->targets.stride ? batch->targets.stride : classes;
  job->logits_size = mixent_type_size(batch->logits.type),
  job->targets_size = mixent_type_size(batch->targets.type);
  job->stream = result->gradient && result->gradient != batch->logits.data &&
                batch->rows * classes * job->logits_size >= stream_bytes;
  job->rule.rule = rule;
  mixent_row_rule_prepare(&job->rule);
  job->rule.counts = rule->wanted & ((1u << MIXENT_TERMS) - 1);
  for (int term = 0; term < MIXENT_TERMS; term++)
    if (rule->coefficients[term] != 0) job->rule.counts |= 1u << term;
  job->class_weighted_rows = batch->class_weights.data && batch->labels.data && rule->smoothing == 0;
  job->rule.targets = (mixent_row_targets){.type = batch->targets.type, .smoothing = rule->smoothing};
  if (!job->class_weighted_rows) {
    job->rule.targets.class_weights = batch->class_weights.data;
    job->rule.targets.class_weight_type = batch->class_weights.type;
  }
  job->block_rows = (batch->rows + MAX_BLOCKS - 1) / MAX_BLOCKS;
  if (job->block_rows < MIN_BLOCK_ROWS) job->block_rows = MIN_BLOCK_ROWS;
}

static void add_up(const loss_job *job, size_t blocks, mixent_loss_result *result) {
  block_sums total = {{0}, 0, 0};
  for (size_t block = 0; block < blocks; block++) {
    for (int term = 0; term < MIXENT_TERMS; term++) total.terms[term] += job->sums[block].terms[term];
    total.value += job->sums[block].value;
    total.undefined += job->sums[block].undefined;
  }
  for (int term = 0; term < MIXENT_TERMS; term++) result->terms[term] = total.terms[term] * job->scale;
  result->value = total.value * job->scale;
  result->undefined = total.undefined;
}

mixent_status mixent_loss_evaluate(const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                                   const mixent_loss_parallel *parallel, mixent_loss_result *result) {
  MIXENT_NEED(batch);
  MIXENT_NEED(rule);
  MIXENT_NEED(result);
  const mixent_row_kernels *const *kernels;
  MIXENT_TRY(mixent_loss_check_call(batch, rule, result));
  MIXENT_TRY(mixent_row_kernels_choose(&kernels));
  loss_job job; /* its sums are written before they are read */
  double divisor;
  MIXENT_TRY(mixent_loss_count(batch, &result->counted, &divisor));
  result->divisor = rule->reduction == MIXENT_MEAN ? divisor : 1;
  set_up(&job, batch, rule, result);
  job.rule.kernels = kernels[batch->logits.type];
  size_t blocks = (batch->rows + job.block_rows - 1) / job.block_rows;
  size_t grain = MIN_PIECE / (job.block_rows * batch->classes) + 1;
  size_t element = batch->logits.type == MIXENT_FLOAT64 ? sizeof(double) : sizeof(float);
  bool is_long = batch->classes * element > SHORT_ROWS / 2 - 64;
  mixent_loss_work *work = is_long ? evaluate_long_rows : evaluate_short_rows;
  job.scratch_bytes = is_long ? LONG_ROWS : SHORT_ROWS;
  job.scratch_size = job.scratch_bytes / 2 / element;
  if (parallel && blocks > grain)
    parallel->run(parallel->pool, blocks, grain, work, &job);
  else
    work(&job, 0, blocks);
  add_up(&job, blocks, result);
  return MIXENT_OK;
}
