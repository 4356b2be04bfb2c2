/* Replicas: a batch is cut into parts of as many rows, each with a network of its own over the same weights, on its own share of the
 * threads. A part has its own activations and batch statistics ("ghost" batch norm, Hoffer et al. 2017). Once a step the mean of the
 * gradients is taken in a fixed order (peers/mean.h), and so is that of the running statistics. What comes out depends on the number
 * of replicas, and not on which thread or process (peers/peers.h) holds which. */
#ifndef MIXENT_TRAIN_REPLICAS_H
#define MIXENT_TRAIN_REPLICAS_H

#include "core/team.h"
#include "mixent/loss.h"
#include "model/score.h"
#include "recipe/recipe.h"
#include "train/batch.h"

struct mixent_trainer;
struct mixent_plan_source;
struct mixent_mean;

/* What all processes hear of a replica after each piece of work; the arrays behind it are as long as the network says. */
typedef struct mixent_replica_report {
  mixent_status status;
  int stop; /* this and save: what its process was asked for */
  bool save;
  double terms[MIXENT_TERMS];
  mixent_score_sums sums;
} mixent_replica_report;

/* One that is held here. */
typedef struct mixent_replica {
  struct mixent_replicas *all;
  size_t number; /* among all, wherever they are */
  mixent_net *net;
  _Atomic size_t scored; /* images, of a validation */
  char message[512];     /* why it failed */
} mixent_replica;

/* The replicas of a network for one size of images. */
typedef struct mixent_replicas {
  size_t count;             /* in all processes */
  size_t first, local;      /* held here: from `first` on */
  size_t rows;              /* of each */
  mixent_replica *replica;  /* [local] */
  struct mixent_mean *mean; /* of the gradients; NULL: there is one replica */
  float **gradients;        /* [local]: of each, for `mean` */
  float *gradient;          /* [parameters]: the mean; in the place of the first replica's */
  char *
      reports; /* [count] of report_size bytes: a mixent_replica_report, statistics, logits, counts of classes */
  size_t report_size, statistic_count, classes;
} mixent_replicas;

/* Networks for `graph` over the trainer's weights (the first set's own). `plan` and `source` as of mixent_plan_source_net. */
mixent_status mixent_replicas_create(struct mixent_trainer *trainer, const mixent_graph *graph,
                                     const char *plan, struct mixent_plan_source *source,
                                     mixent_replicas **out);
/* Before the first pass: with those that other processes hold. Collective (peers/peers.h). */
mixent_status mixent_replicas_connect(mixent_replicas *replicas, size_t parameters);
void mixent_replicas_free(mixent_replicas *replicas);
/* Of the networks held here, in bytes. */
size_t mixent_replicas_memory(const mixent_replicas *replicas);

mixent_replica_report *mixent_replicas_report(const mixent_replicas *replicas, size_t number);
float *mixent_replicas_statistics(const mixent_replicas *replicas, size_t number); /* [statistics] */
float *mixent_replicas_logits(const mixent_replicas *replicas, size_t number);     /* [rows, classes] */
mixent_class_count *mixent_replicas_classes(const mixent_replicas *replicas,
                                            size_t number); /* [classes]: of a validation */
/* The rows of the batch that a replica has: views, not to be freed. */
mixent_train_batch mixent_replicas_batch(const mixent_replicas *replicas, const mixent_train_batch *whole,
                                         size_t number);

/* Runs work(trainer, replica, context) for each replica that is held here, then tells all processes what each reports. Where one
 * fails, all fail with the message of the first. `tell`, where not NULL, is called from the calling thread about ten times a second. */
typedef mixent_status mixent_replica_work(struct mixent_trainer *trainer, mixent_replica *replica,
                                          void *context);
mixent_status mixent_replicas_run(struct mixent_trainer *trainer, mixent_replica_work *work, void *context,
                                  void (*tell)(struct mixent_trainer *trainer, void *context));

/* One pass over the step's batch, forward and backward. */
typedef struct mixent_batch_pass {
  mixent_status (*fill)(struct mixent_trainer *trainer,
                        mixent_replica *replica); /* its rows; NULL: they are as they were */
  mixent_loss_rule rule;
  bool labels_alone;          /* no soft targets, no weights of rows or classes */
  uint64_t step;              /* by which dropout is drawn */
  double terms[MIXENT_TERMS]; /* comes out: the mean over the batch */
} mixent_batch_pass;

/* Leaves the mean of the gradients in replicas->gradient, logits and running statistics in the reports. */
mixent_status mixent_replicas_pass(struct mixent_trainer *trainer, mixent_batch_pass *pass);
/* The mean of the running statistics that were reported. */
void mixent_replicas_mean_statistics(const mixent_replicas *replicas, float *out);

#endif
