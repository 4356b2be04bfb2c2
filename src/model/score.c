/* Sums of scores, and evaluation over a set of images. */
#include "model/score.h"
#include "core/json.h"
#include "core/status.h"
#include "core/threads.h"
#include "run/scores.h"

#include <string.h>

static void run_parallel(void *pool, size_t count, size_t grain, mixent_loss_work *work, void *context) {
  (void)pool;
  mixent_parallel_for(count, grain, work, context);
}

const mixent_loss_parallel mixent_score_parallel = {.run = run_parallel};

void mixent_score_add(mixent_score_sums *sums, const double terms[MIXENT_TERMS], double loss,
                      const float *logits, const int32_t *labels, size_t rows, size_t classes) {
  size_t before = sums->metrics.count;
  mixent_metrics_add(&sums->metrics, logits, labels, rows, classes);
  double counted = (double)(sums->metrics.count - before);
  for (int t = 0; t < MIXENT_TERMS; t++) sums->terms[t] += counted * terms[t];
  sums->loss += counted * loss;
}

void mixent_score_join(mixent_score_sums *sums, const mixent_score_sums *others) {
  mixent_metrics_join(&sums->metrics, &others->metrics);
  for (int t = 0; t < MIXENT_TERMS; t++) sums->terms[t] += others->terms[t];
  sums->loss += others->loss;
}

mixent_scores mixent_score_result(const mixent_score_sums *sums) {
  mixent_metrics_values values = mixent_metrics_result(&sums->metrics);
  mixent_scores scores = {.images = values.count,
                          .accuracy = values.accuracy,
                          .nll = values.nll,
                          .brier = values.brier,
                          .ece = values.ece,
                          .entropy = values.entropy};
  if (!values.count) return scores;
  for (int t = 0; t < MIXENT_TERMS; t++) scores.terms[t] = sums->terms[t] / (double)values.count;
  scores.loss = sums->loss / (double)values.count;
  return scores;
}

void mixent_score_by_class(const mixent_class_count *counts, size_t classes, char *const *names,
                           mixent_scores *scores) {
  const mixent_class_scores found = mixent_class_scores_of(counts, classes);
  if (found.classes == 0) return;
  scores->by_class = true;
  scores->balanced_accuracy = found.balanced_accuracy;
  scores->macro_f1 = found.macro_f1;
  scores->worst_recall = found.worst_recall;
  mixent_scores_name_worst(scores, names[found.worst]);
}

void mixent_score_join_classes(mixent_class_count *counts, const mixent_class_count *others, size_t classes) {
  mixent_class_counts_join(counts, others, classes);
}

json_t *mixent_score_classes_to_json(const mixent_class_count *counts, size_t classes, char *const *names) {
  json_t *array = json_array();
  for (size_t k = 0; k < classes; k++) {
    if (counts[k].images == 0) continue;
    json_t *object = json_object();
    mixent_json_set(&object, "class", mixent_json_text(names[k]));
    mixent_json_set(&object, "images", json_integer(counts[k].images));
    mixent_json_set(&object, "recall", mixent_json_number(mixent_class_recall(&counts[k])));
    mixent_json_set(&object, "precision", mixent_json_number(mixent_class_precision(&counts[k])));
    mixent_json_set(&object, "f1", mixent_json_number(mixent_class_f1(&counts[k])));
    mixent_json_append(&array, object);
  }
  return array;
}

static void tell(const mixent_score_job *job, size_t done) {
  if (job->watch.scored)
    job->watch.scored(job->watch.context, done < job->count ? done : job->count, job->count);
}

static mixent_status score_batch(mixent_net *net, const mixent_score_job *job, mixent_views *views,
                                 size_t begin, const mixent_loss_moment *loss, mixent_score_sums *sums) {
  size_t rows = job->count - begin < job->batch ? job->count - begin : job->batch;
  for (size_t i = 0; i < job->batch; i++) {
    size_t index = i < rows ? begin + i : begin;
    job->batch_indices[i] = job->indices ? job->indices[index] : (uint32_t)(job->first + index);
    job->batch_labels[i] = i < rows ? job->images->labels[job->batch_indices[i]] : -1;
  }
  const float *logits;
  MIXENT_TRY(
      mixent_views_forward(views, net, job->images, job->batch_indices, job->mean, job->deviation, &logits));
  if (job->logits)
    memcpy(job->logits + begin * job->classes, logits, rows * job->classes * sizeof *job->logits);
  const mixent_loss_batch batch = {.rows = job->batch,
                                   .classes = job->classes,
                                   .logits = {.data = logits},
                                   .labels = {.data = job->batch_labels, .type = MIXENT_INT32},
                                   .ignore = true,
                                   .ignore_label = -1};
  double gradient[MIXENT_LOSS_PARAMETERS];
  const mixent_loss_rule rule = mixent_loss_rule_of(&loss->options, &loss->state, loss->epoch);
  mixent_loss_result result = {.gradient = NULL};
  MIXENT_TRY(mixent_loss_evaluate(&batch, &rule, &mixent_score_parallel, &result));
  double value = mixent_loss_value(&loss->options, &loss->state, loss->epoch, result.terms, gradient);
  mixent_score_add(sums, result.terms, value, logits, job->batch_labels, job->batch, job->classes);
  mixent_class_counts_add(job->counts, logits, job->batch_labels, job->batch, job->classes);
  return MIXENT_OK;
}

mixent_status mixent_score_images(mixent_net *net, const mixent_score_job *job,
                                  const mixent_loss_moment *loss, mixent_score_sums *sums) {
  mixent_views views;
  mixent_status status = mixent_views_create(job->views, job->batch, job->classes,
                                             job->temperature != 0 ? job->temperature : 1, &views);
  tell(job, 0);
  for (size_t begin = 0; begin < job->count && status == MIXENT_OK; begin += job->batch) {
    status = score_batch(net, job, &views, begin, loss, sums);
    tell(job, begin + job->batch);
    if (status == MIXENT_OK && job->watch.stop && *job->watch.stop)
      status = mixent_fail(MIXENT_ERROR_INTERRUPTED, "scoring was stopped");
  }
  mixent_views_free(&views);
  return status;
}
