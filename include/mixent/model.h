/* A trained model: opened, scored on a data set, made ready to classify, exported. */
#ifndef MIXENT_MODEL_H
#define MIXENT_MODEL_H

#include "mixent/data.h"
#include "mixent/net.h"
#include "mixent/run.h"
#include "mixent/status.h"
#include "mixent/weights.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bounds of a temperature. Beyond them logits divided by it may be no numbers. */
#define MIXENT_LEAST_TEMPERATURE 1e-6
#define MIXENT_MOST_TEMPERATURE  1e6

/* A trained model, read from best.safetensors or last.safetensors, or from an ONNX file. */
typedef struct mixent_model {
  mixent_graph *graph;
  float *parameters, *statistics; /* as mixent_net_use wants them */
  int channels, side, classes;    /* side 1: of rows of `channels` features */
  char **class_names;             /* [classes] */
  int64_t *labels;                /* [classes]: the label in the files that became class k */
  bool unnamed; /* of an ONNX file that does not name its classes: these are numbered, and any as many fit */
  float *mean, *deviation; /* [channels] */
  char **feature_names;    /* [channels]; NULL: none are known */
  mixent_encoder
      *encoder; /* of a table: how its columns become features; NULL: they are numbers as they stand */
  bool transposed;
  /* it was trained on picture files, made to images by `fit` and `background`; else (checkpoints from before these among them) it
   * reads a picture by stretching it, transparency on black */
  bool pictures;
  mixent_fit fit;
  mixent_background background;
  char *data;             /* name of the data set it was trained on */
  uint64_t fingerprint;   /* of that data set */
  char *recipe;           /* YAML text of the options it was trained with, without paths */
  mixent_loss_state loss; /* the loss's parameters and the epochs done, when it was saved */
  double epoch;
  double
      fitted_temperature; /* with the least NLL on the images held out, from the end of training; 0: none was fitted */
  double
      temperature; /* the caller's: logits are divided by it wherever the model scores, predicts or is exported, which
                         changes probabilities and no ranking; 1 when it is opened (0 counts as 1); 1e-6 to 1e6 */
} mixent_model;
/* A name that ends in .onnx is an ONNX file, of mixent or of PyTorch; what no layer of mixent computes is refused, by the node. */
mixent_status mixent_model_open(const char *path, mixent_model **out);
void mixent_model_free(mixent_model *model);
/* Writes it as a checkpoint, whole or not at all, that mixent_model_open reads again to the bit, but for `temperature`, the
 * caller's. Numbers that no checkpoint holds are refused: weights and losses that are not finite, an epoch that is not whole. */
mixent_status mixent_model_save(const mixent_model *model, const char *path);

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

/* Writes the model for evaluation as one C99 file, whole or not at all; its first comment says how to call it. The file needs
 * no library, allocates nothing and does not recurse. An existing file is replaced only if it is such a file itself. */
enum { MIXENT_MOST_C_PREFIX = 19 }; /* characters: with them the names have C99's 31 */
typedef struct mixent_c_options {
  const char *prefix; /* of its functions, "letters" for letters_classify(); a C name; NULL: "model" */
  bool int8;          /* weights in 8 bits, each output channel with a scale of its own; else float */
} mixent_c_options;
typedef struct mixent_c_size {
  size_t constant_bytes, variable_bytes; /* weights and other numbers; working memory */
} mixent_c_size;
/* `options` and `size` may be NULL. */
mixent_status mixent_model_export_c(const mixent_model *model, const mixent_c_options *options,
                                    const char *path, mixent_c_size *size);

#ifdef __cplusplus
}
#endif
#endif
