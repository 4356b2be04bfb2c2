/* Scoring: what a network's logits are worth, summed batch by batch. The trainer sums over its steps,
 * evaluation over a set of images. */
#ifndef MIXENT_MODEL_SCORE_H
#define MIXENT_MODEL_SCORE_H

#include "mixent/model.h"
#include "model/views.h"
#include "run/predictions.h"
#include "stats/classes.h"
#include "stats/metrics.h"

/* Sums so far; start from {0}. */
typedef struct mixent_score_sums {
  mixent_metrics metrics;
  double terms[MIXENT_TERMS], loss; /* means of batches times their rows */
} mixent_score_sums;

/* Adds a batch: its terms and loss as means over `rows` rows, its logits [rows, classes] and labels. */
void mixent_score_add(mixent_score_sums *sums, const double terms[MIXENT_TERMS], double loss,
                      const float *logits, const int32_t *labels, size_t rows, size_t classes);
/* Adds the sums over other rows. */
void mixent_score_join(mixent_score_sums *sums, const mixent_score_sums *others);
mixent_scores mixent_score_result(const mixent_score_sums *sums);
/* Adds what counts [classes] say to the scores of the same rows. */
void mixent_score_by_class(const mixent_class_count *counts, size_t classes, char *const *names,
                           mixent_scores *scores);
/* Adds others [classes] to counts. */
void mixent_score_join_classes(mixent_class_count *counts, const mixent_class_count *others, size_t classes);
/* A line for each class with images: [{"class": …, "images": …, "recall": …, "precision": …, "f1": …}, …]; NULL without memory. */
struct json_t;
struct json_t *mixent_score_classes_to_json(const mixent_class_count *counts, size_t classes,
                                            char *const *names);

/* The threads that the network uses, for the loss. */
extern const mixent_loss_parallel mixent_score_parallel;

/* The loss at a moment of training. */
typedef struct mixent_loss_moment {
  mixent_loss_options options;
  mixent_loss_state state;
  double epoch;
} mixent_loss_moment;

/* Images to score, how they become input, and room for one batch of the network. */
typedef struct mixent_score_job {
  const mixent_images *images;
  const uint32_t *indices; /* [count]; NULL: `count` images from `first` on */
  size_t first;
  size_t count;
  const float *mean, *deviation;
  size_t batch, classes;
  double temperature;         /* divides the logits; 0 and 1: as they are */
  int views;                  /* of each image, whose predictions are averaged; 1: the image alone */
  uint32_t *batch_indices;    /* [batch] */
  int32_t *batch_labels;      /* [batch] */
  float *logits;              /* [count, classes], filled; NULL: not wanted */
  mixent_class_count *counts; /* [classes], added to */
  mixent_scoring_watch watch;
} mixent_score_job;

/* Runs the network in MIXENT_EVALUATE over all images and adds them to the sums; the last batch is filled up with images that do not
 * count. */
mixent_status mixent_score_images(mixent_net *net, const mixent_score_job *job,
                                  const mixent_loss_moment *loss, mixent_score_sums *sums);

/* mixent_model_score that also keeps, where it is not NULL, what was scored (mixent_predicted_free), and counts [classes]. */
mixent_status mixent_model_score_keeping(const mixent_model *model, const mixent_dataset *dataset,
                                         mixent_part part, mixent_precision precision, int views,
                                         const mixent_scoring_watch *watch, mixent_scores *out,
                                         mixent_predicted *predicted, mixent_class_count *counts);

#endif
