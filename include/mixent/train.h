/* Training a network by a recipe into a run directory, going on with an interrupted run, and using what came
 * out.
 *
 *   mixent_setting settings[] = {{"loss.name", "min-ent"}, {"epochs", "2"}};
 *   mixent_train_options options = {
 *       .recipe = "emnist-letters-short", .settings = settings, .setting_count = 2};
 *   mixent_train_summary summary;
 *   if (mixent_train(&options, &summary) != MIXENT_OK) puts(mixent_last_error());
 *
 * A run directory holds recipe.yaml (every option), plan.yaml (what computes each convolution), metrics.jsonl (a
 * line per epoch), last.safetensors (all that is needed to go on, to the bit), best.safetensors (the model alone,
 * from the first epoch on) and, at the end, predictions.safetensors (what that model says of each test and validation
 * image) and summary.json. It appears complete, by rename, so that whatever happens after can be resumed. */
#ifndef MIXENT_TRAIN_H
#define MIXENT_TRAIN_H

#include "mixent/data.h"
#include "mixent/monitor.h"
#include "mixent/net.h"
#include "mixent/status.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One option of a recipe by its dotted key ("optimizer.learning_rate"), with its value as text. */
typedef struct mixent_setting {
  const char *key, *value;
} mixent_setting;

/* What a set of images says about a network. Fractions and natural logarithms, not per cent. */
typedef struct mixent_scores {
  size_t images;
  double loss; /* with the weights, bases and epoch of the moment */
  double accuracy, nll, brier;
  double ece;                 /* expected calibration error, 15 bins of equal width */
  double entropy;             /* mean entropy of the predictions */
  double terms[MIXENT_TERMS]; /* those of the loss, and CE1, H, CE2, KL; the others 0 */
} mixent_scores;

/* What is known once data and network are there and before the first step. */
typedef struct mixent_train_start {
  const char *run, *recipe, *data, *net, *loss, *precision;
  const char *plan,
      *plan_hash;          /* where the back ends of the convolutions come from; SHA-256 of all choices */
  int epochs, first_epoch; /* first_epoch, from 1: where the run goes on */
  int first_step;          /* steps of that epoch that are done already */
  int steps; /* per epoch; images of the last, incomplete batch of an epoch wait for another epoch */
  int batch, threads, classes;
  size_t train_images, validation_images, test_images, parameters;
  size_t memory_bytes; /* of the network: activations, gradients, scratch */
} mixent_train_start;

/* After every step. */
typedef struct mixent_train_progress {
  int epoch, epochs, step, steps; /* from 1: the epoch that runs, the steps of it that are done */
  double loss;                    /* of this step */
  double images_per_second;       /* of this epoch so far */
  double seconds_left;            /* of the whole run, by that speed */
} mixent_train_progress;

/* After every epoch. */
typedef struct mixent_train_epoch {
  int epoch, epochs;        /* from 1 */
  mixent_scores train;      /* sums over the steps of the epoch, dropout and augmentation included */
  mixent_scores validation; /* images 0 if the recipe holds nothing out */
  mixent_scores test;       /* images 0 unless the recipe selects by the test images */
  double w[MIXENT_LOSS_PARTS], b[MIXENT_LOSS_PARTS]; /* weights and log bases at the end of the epoch */
  double learning_rate, weight_learning_rate, base_learning_rate;
  double images_per_second, seconds; /* training alone, validation not */
  bool best;        /* best so far, by what the recipe selects by: best.safetensors is this one */
  const char *json; /* the line of metrics.jsonl, without its end */
} mixent_train_epoch;

typedef struct mixent_train_summary {
  char run[4096];           /* the run's directory */
  int best_epoch;           /* from 1 */
  int test_views;           /* of each image, whose predictions the next two average; 1: the image alone */
  mixent_scores validation; /* of best.safetensors; images 0 if nothing was held out */
  mixent_scores test;
  double images_per_second; /* training images over seconds of training: data, optimiser and EMA included */
  double seconds;           /* of training, over all parts of a resumed run */
  size_t peak_memory_bytes, parameters;
  char *json; /* the text of summary.json; free with mixent_train_summary_free */
} mixent_train_summary;
void mixent_train_summary_free(mixent_train_summary *summary);

typedef struct mixent_train_options {
  /* A new run: a recipe's name or file (NULL: emnist-letters-short) and changes to it, the later winning. */
  const char *recipe;
  const mixent_setting *settings;
  size_t setting_count;
  const char *run; /* its directory; NULL: runs/<recipe>-<loss>-<seed>, data and net named when they are not
                      the recipe's, with "-test-selected" where it selects by the test images */
  bool overwrite;  /* an existing run there is replaced instead of refused */
  /* Set to non-zero (from a signal handler, say): the step (in the scoring at the end the batch) is finished, the
   * state saved, MIXENT_ERROR_INTERRUPTED returned. */
  volatile sig_atomic_t *stop;
  /* NULL, or: changes (by a handler of SIGCONT, say) when the process goes on after it was stopped, as by Ctrl-Z. The time
   * of a step during which it changes does not count as training time. */
  const volatile sig_atomic_t *continued;
  /* What the caller is told; each may be NULL. All are called from the calling thread. */
  void *context;
  void (*started)(void *context, const mixent_train_start *start);
  void (*progress)(void *context, const mixent_train_progress *progress);
  void (*epoch)(void *context, const mixent_train_epoch *epoch);
  void (*scored)(void *context, size_t done,
                 size_t images); /* of validations and of the scoring at the end */
  void (*warning)(void *context,
                  const char *message); /* signs of a run that goes wrong (a weight near zero, …) */
} mixent_train_options;

/* Trains a new run to its end. Errors: MIXENT_ERROR_ARGUMENT for a recipe or a run that cannot be,
 * MIXENT_ERROR_NUMERIC when the loss or its gradient is no longer finite (the message names the step and the
 * last good checkpoint), MIXENT_ERROR_INTERRUPTED. */
mixent_status mixent_train(const mixent_train_options *options, mixent_train_summary *summary);

/* Goes on with the run in directory `run`; its recipe.yaml says all, options->recipe, settings and run are
 * not read. A finished run is not an error: its summary is read back. */
mixent_status mixent_train_resume(const char *run, const mixent_train_options *options,
                                  mixent_train_summary *summary);

/* A trained model, read from best.safetensors or last.safetensors. */
typedef struct mixent_model {
  mixent_graph *graph;
  float *parameters, *statistics; /* as mixent_net_use wants them */
  int channels, side, classes;    /* side 1: of rows of `channels` features */
  char **class_names;             /* [classes] */
  int64_t *labels;                /* [classes]: the label in the files that became class k */
  float *mean, *deviation;        /* [channels] */
  char **feature_names;           /* [channels]; NULL: none are known */
  bool transposed;
  char *data;             /* name of the data set it was trained on */
  uint64_t fingerprint;   /* of that data set */
  char *recipe;           /* YAML text of the options it was trained with, without paths */
  mixent_loss_state loss; /* the loss's parameters and the epochs done, when it was saved */
  double epoch;
  double
      fitted_temperature; /* with the least NLL on the images held out, from the end of training; 0: none was fitted */
  double
      temperature; /* the caller's: logits are divided by it wherever the model scores, predicts or is exported, which
                         changes probabilities and no ranking; 1 when it is opened (0 counts as 1) */
} mixent_model;
mixent_status mixent_model_open(const char *path, mixent_model **out);
void mixent_model_free(mixent_model *model);

/* Refuses a data set whose images or classes are not the model's, naming what differs. */
mixent_status mixent_model_check_dataset(const mixent_model *model, const mixent_dataset *dataset);

typedef enum mixent_part { MIXENT_PART_TEST, MIXENT_PART_VALIDATION, MIXENT_PART_TRAIN } mixent_part;
extern const char *const mixent_part_names[]; /* "test", "validation", "train", NULL */

/* Told how many of the images are scored: 0 at first, then after each batch. Called from the calling thread. */
typedef struct mixent_scoring_watch {
  void *context;
  void (*scored)(void *context, size_t done, size_t images); /* NULL: nobody is told */
  const volatile sig_atomic_t *stop; /* NULL, or: not 0 ends it after a batch with MIXENT_ERROR_INTERRUPTED */
} mixent_scoring_watch;

/* Scores the model on a part of a data set; train and validation are the parts that its own recipe cut, of the data
 * set it was trained on and no other, with the noise that it put on their labels. The loss is that of the recipe at
 * the moment the model was saved. With several views (mixent_view in data.h) every score is of the mean of their
 * predictions; 0: as many as its recipe says, test.views. `watch` may be NULL. */
mixent_status mixent_model_score(const mixent_model *model, const mixent_dataset *dataset, mixent_part part,
                                 mixent_precision precision, int views, const mixent_scoring_watch *watch,
                                 mixent_scores *out);
/* What its recipe says. */
mixent_status mixent_model_views(const mixent_model *model, int *out);

/* A model made ready to classify again and again, from C alone:
 *
 *   mixent_model_open("best.safetensors", &model);
 *   mixent_predictor_create(model, 1, MIXENT_FP32, &predictor);
 *   mixent_predictor_run(predictor, pixels, 1, NULL, probabilities);
 *
 * Batch norm is folded into the weights, these are in the form the processor likes, and running allocates
 * nothing. `batch`: rows computed together; 1 answers soonest, 64 and more serve the most images per second.
 * MIXENT_QUANTIZED is the fastest where the processor has AVX2. Several threads answer sooner with
 * OMP_WAIT_POLICY=active in the environment, if the processors are theirs alone. The model must outlive it.
 * One thread may use it at a time. */
typedef struct mixent_predictor mixent_predictor;
mixent_status mixent_predictor_create(const mixent_model *model, int batch, mixent_precision precision,
                                      mixent_predictor **out);
void mixent_predictor_free(mixent_predictor *predictor);
/* pixels [rows, side, side, channels], any number of rows -> logits and probabilities [rows, classes], either
 * of which may be NULL. */
mixent_status mixent_predictor_run(mixent_predictor *predictor, const uint8_t *pixels, size_t rows,
                                   float *logits, float *probabilities);
/* The same of a model of rows of a table: features [rows, channels]. */
mixent_status mixent_predictor_run_features(mixent_predictor *predictor, const float *features, size_t rows,
                                            float *logits, float *probabilities);

/* The same in one call, for a single use: pixels -> probabilities; views as above. */
mixent_status mixent_model_predict(const mixent_model *model, const uint8_t *pixels, size_t rows,
                                   mixent_precision precision, int views, float *probabilities);

/* Writes the model for evaluation as an ONNX file, whole or not at all. Its input `images`, float
 * [N, channels, side, side], are pixels divided by 255 (of rows of a table `features`, float [N, channels], as they
 * are); its output `logits` is float [N, classes], divided by the model's temperature. */
mixent_status mixent_model_export_onnx(const mixent_model *model, const char *path);

#ifdef __cplusplus
}
#endif
#endif
