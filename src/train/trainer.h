/* The trainer: everything a run needs in memory, and the loop over steps and epochs. */
#ifndef MIXENT_TRAIN_TRAINER_H
#define MIXENT_TRAIN_TRAINER_H

#include "data/balance.h"
#include "mixent/train.h"
#include "recipe/recipe.h"
#include "run/directory.h"
#include "train/batch.h"
#include "train/checkpoint.h"
#include "train/plan_source.h"
#include "train/pruning.h"
#include "train/replicas.h"

struct mixent_look_ahead;
struct mixent_resized;

/* What a process was asked for; once replicas have reported, what any was. */
typedef struct mixent_wishes {
  int stop; /* what options->stop says */
  bool save;
} mixent_wishes;

typedef struct mixent_trainer {
  mixent_recipe recipe;    /* resolved: nothing automatic is left */
  mixent_text recipe_text; /* for checkpoints: without paths */
  const mixent_train_options *options;
  const mixent_dataset *dataset; /* `opened`, or the caller's */
  mixent_dataset *opened;
  mixent_split split;
  mixent_images train;     /* those of the dataset, with labels of its own: the recipe's noise is in them */
  float *mean, *deviation; /* [channels] */
  const mixent_images *images;             /* of the step: `train`, or these in another size */
  const mixent_augmentation *augmentation; /* of the step */
  struct mixent_resized *resized;          /* NULL: images keep their size */
  mixent_graph *graph;
  mixent_replicas *replicas; /* for the images of the step */
  mixent_team *team;         /* that works on them; NULL: there is one replica, and the caller does it */
  mixent_wishes wishes;
  mixent_plan_source plan_source; /* of their networks */
  size_t parameter_count, statistic_count, batch, classes;
  float *parameters, *statistics;
  float *ema_statistics; /* of the EMA, made anew at the end of each epoch; NULL: no EMA */
  mixent_optimizer optimizer;
  mixent_optimizer_segment *segments;
  mixent_schedule schedule;
  mixent_loss_options loss;
  mixent_train_state state;
  uint64_t saved;           /* steps that last.safetensors has seen */
  uint64_t steps;           /* per epoch */
  uint64_t seed;            /* of the member that is trained */
  uint32_t *order;          /* [train images]: of the epoch that runs */
  mixent_train_batch drawn; /* the batch of the step */
  double *class_weights;    /* [classes], of the loss of training steps; NULL: each counts once */
  mixent_balance balance;   /* {0}: epochs are shuffled */
  mixent_pruning pruning;   /* {0}: no images are left out */
  float *taught; /* [train images, classes]: what the teachers say of each image; NULL: not asked once */
  struct mixent_teachers **teachers; /* [replicas held here]: asked in each step; NULL: none are */
  double last_rate;                  /* learning rate of the last step */
  /* for times, which no checkpoint holds: of the epoch that runs, in this process */
  double seconds;
  uint64_t timed_steps;
  struct mixent_look_ahead *look_ahead; /* NULL: no weight is learned that way */
  double baseline_accuracy;             /* NaN: no baseline is given */
} mixent_trainer;

/* Data, network, memory, initial weights. The recipe must be resolved. Collective (peers/peers.h): where one process fails all do. */
mixent_status mixent_trainer_create(const mixent_recipe *recipe, const mixent_train_options *options,
                                    mixent_trainer **out);
void mixent_trainer_free(mixent_trainer *trainer);
/* The networks alone, with what asks them; no step can follow. */
void mixent_trainer_free_nets(mixent_trainer *trainer);

/* What last.safetensors is written from and read into. */
mixent_checkpoint mixent_trainer_checkpoint(mixent_trainer *trainer);

/* Trains from the state to the end, saving into the run. */
mixent_status mixent_trainer_run(mixent_trainer *trainer, const mixent_run_directory *run);
/* MIXENT_ERROR_INTERRUPTED and, as its message, how to go on. */
mixent_status mixent_trainer_stopped(const mixent_trainer *trainer, const mixent_run_directory *run);

/* Tells, by the caller's warning function, of signs of a run that goes wrong, each once; then metrics.jsonl's
 * line for the epoch, with what was told, in *out; free(). */
mixent_status mixent_trainer_report(mixent_trainer *trainer, const mixent_train_epoch *epoch, uint64_t step,
                                    char **out);
/* The same signs in the middle of an epoch, when loss or gradient are no longer finite. */
void mixent_trainer_watch_not_finite(mixent_trainer *trainer);

/* A line of metrics.jsonl read back, but for `epochs` and `json`; false if something is missing. */
struct json_t;
bool mixent_train_epoch_from_json(const struct json_t *json, mixent_train_epoch *out);

/* The best validation accuracy of the run that the recipe names as its baseline; NaN if it names none. */
mixent_status mixent_baseline_read(const mixent_recipe *recipe, double *accuracy);

#endif
