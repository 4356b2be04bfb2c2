/* `mixent predict`: names the classes of images, or of rows of a table. */
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/model.h"
#include "cli/places.h"
#include "cli/prediction.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/printable.h"
#include "data/formats/picture.h"
#include "data/image.h"

#include <stdlib.h>

typedef struct arguments {
  int precision;
  long threads, views;
  const char *temperature;
  int invert;
  bool json, csv;
} arguments;

static mixent_prediction_shape shape_of(const arguments *arguments) {
  return arguments->csv    ? MIXENT_PREDICTION_CSV
         : arguments->json ? MIXENT_PREDICTION_JSON
                           : MIXENT_PREDICTION_TEXT;
}

enum { INVERT_WARN, INVERT_AUTO, INVERT_YES, INVERT_NO };
static const char *const invert_choices[] = {"warn", "auto", "yes", "no", NULL};

enum { ROWS = 64 }; /* of a table, computed together */

/* Some images of the list, read and classified together: room for `most` of them. */
typedef struct chunk {
  const mixent_model *model;
  mixent_precision precision;
  int views, invert;
  size_t most, count, size; /* size: bytes of an image */
  char **paths;             /* [most], of those that could be read */
  bool *inverted;           /* [most] */
  size_t negatives;         /* images so far that look like negatives of the training images, */
  const char *negative;     /* and the first of them */
  size_t stretches;         /* images so far that are not square, */
  const char *stretched;    /* and the first of them */
  uint8_t *pixels;          /* [most, side, side, channels] */
  float *probabilities;     /* [most, classes] */
} chunk;

static mixent_status chunk_create(const arguments *arguments, const mixent_model *model, size_t images,
                                  chunk *out) {
  enum { BYTES = 1 << 25, MOST = 1024 };
  size_t size = (size_t)model->side * (size_t)model->side * (size_t)model->channels, most = BYTES / size;
  if (most > MOST) most = MOST;
  if (most > images) most = images;
  *out = (chunk){.model = model,
                 .views = (int)arguments->views,
                 .invert = arguments->invert,
                 .most = most,
                 .size = size};
  MIXENT_TRY(mixent_precision_choose(arguments->precision, model, &out->precision));
  MIXENT_TRY(MIXENT_ALLOCATE(most, &out->paths));
  MIXENT_TRY(MIXENT_ALLOCATE(most, &out->inverted));
  MIXENT_TRY(MIXENT_ALLOCATE(most * size, &out->pixels));
  return MIXENT_ALLOCATE(most * (size_t)model->classes, &out->probabilities);
}

static void chunk_free(chunk *chunk) {
  free(chunk->paths);
  free(chunk->inverted);
  free(chunk->pixels);
  free(chunk->probabilities);
}

/* Classifies and prints what the chunk holds, and empties it. */
static mixent_status chunk_finish(chunk *chunk, mixent_prediction_shape shape, int width, int *code) {
  const mixent_model *model = chunk->model;
  if (!chunk->count) return MIXENT_OK;
  MIXENT_TRY(mixent_model_predict(model, chunk->pixels, chunk->count, chunk->precision, chunk->views,
                                  chunk->probabilities));
  for (size_t i = 0; i < chunk->count; i++)
    if (mixent_prediction_print(
            model, shape,
            &(mixent_predicted_subject){.path = chunk->paths[i], .inverted = chunk->inverted[i]}, width,
            chunk->probabilities + i * (size_t)model->classes) != MIXENT_EXIT_DONE)
      *code = MIXENT_EXIT_FAILED;
  chunk->count = 0;
  return MIXENT_OK;
}

/* Takes in an image that was read to its place behind the others. */
static void chunk_add(chunk *chunk, char *path, bool square) {
  const mixent_model *model = chunk->model;
  uint8_t *pixels = chunk->pixels + chunk->count * chunk->size;
  bool negative = mixent_image_is_negative(pixels, model->side, model->channels, model->mean);
  bool invert = chunk->invert == INVERT_YES || (chunk->invert == INVERT_AUTO && negative);
  if (negative && chunk->negatives++ == 0) chunk->negative = path;
  if (!square && !model->pictures && chunk->stretches++ == 0) chunk->stretched = path;
  if (invert) mixent_image_invert(pixels, chunk->size);
  chunk->inverted[chunk->count] = invert;
  chunk->paths[chunk->count++] = path;
}

/* One line, however many images there are. */
static void warn_of_images(const char *first, size_t count, const char *message) {
  char more[64] = "";
  if (count > 1) snprintf(more, sizeof more, " and %zu more", count - 1);
  mixent_warning_print("%s%s: %s", first, more, message);
}

static void warn_of_negatives(const chunk *chunk) {
  if (!chunk->negatives || chunk->invert == INVERT_YES || chunk->invert == INVERT_NO) return;
  warn_of_images(
      chunk->negative, chunk->negatives,
      chunk->invert == INVERT_AUTO
          ? "light where the training images are dark, or dark where these are light; classified as negatives (--invert no leaves them as they are)"
          : "light where the training images are dark, or dark where these are light; --invert auto classifies their negatives");
}

static void warn_of_stretching(const chunk *chunk) {
  if (chunk->stretches)
    warn_of_images(chunk->stretched, chunk->stretches,
                   "not square, so stretched, which training images never are; crop to a square first");
}

static int widest(const mixent_names *inputs) {
  int width = 0;
  for (size_t i = 0; i < inputs->count; i++) {
    int columns = mixent_text_columns(mixent_printable(inputs->items[i]));
    if (columns > width) width = columns;
  }
  return width;
}

/* One that cannot be read is told, and the others go on; *code is then a failure. */
static mixent_status predict_all(chunk *chunk, mixent_prediction_shape shape, const mixent_names *inputs,
                                 int *code) {
  const mixent_model *model = chunk->model;
  int width = widest(inputs);
  for (size_t i = 0; i < inputs->count; i++) {
    uint8_t *pixels = chunk->pixels + chunk->count * chunk->size;
    bool square;
    if (mixent_image_read_shape(inputs->items[i], model->side, model->channels, model->fit, model->background,
                                pixels, &square) == MIXENT_OK) {
      chunk_add(chunk, inputs->items[i], square);
    } else {
      mixent_failed(MIXENT_ERROR_FORMAT);
      *code = MIXENT_EXIT_FAILED;
    }
    if (chunk->count == chunk->most) MIXENT_TRY(chunk_finish(chunk, shape, width, code));
  }
  MIXENT_TRY(chunk_finish(chunk, shape, width, code));
  warn_of_negatives(chunk);
  warn_of_stretching(chunk);
  return MIXENT_OK;
}

static int predict_images(const arguments *arguments, const mixent_model *model, const mixent_names *inputs) {
  chunk chunk;
  int code = MIXENT_EXIT_DONE;
  mixent_status status = chunk_create(arguments, model, inputs->count, &chunk);
  if (status == MIXENT_OK) status = predict_all(&chunk, shape_of(arguments), inputs, &code);
  chunk_free(&chunk);
  return status == MIXENT_OK ? code : mixent_failed(status);
}

static int print_rows(const mixent_model *model, mixent_prediction_shape shape, const char *path,
                      size_t count, const float *probabilities) {
  int width = snprintf(NULL, 0, "%zu", count), code = MIXENT_EXIT_DONE;
  for (size_t i = 0; i < count && code == MIXENT_EXIT_DONE; i++)
    code = mixent_prediction_print(model, shape, &(mixent_predicted_subject){.path = path, .row = i + 1},
                                   width, probabilities + i * (size_t)model->classes);
  return code;
}

static int predict_rows(const arguments *arguments, const mixent_model *model, mixent_predictor *predictor,
                        const char *path) {
  mixent_images rows = {0};
  float *probabilities = NULL;
  char *note = NULL;
  mixent_status status = mixent_features_read(path, model->encoder, (const char *const *)model->feature_names,
                                              model->channels, &rows, &note);
  mixent_notes_print(note);
  free(note);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(rows.count * (size_t)model->classes, &probabilities);
  if (status == MIXENT_OK)
    status = mixent_predictor_run_features(predictor, rows.features, rows.count, NULL, probabilities);
  int code = status == MIXENT_OK ? print_rows(model, shape_of(arguments), path, rows.count, probabilities)
                                 : mixent_failed(status);
  free(probabilities);
  mixent_images_free(&rows);
  return code;
}

static int predict_tables(const arguments *arguments, const mixent_model *model, const mixent_names *inputs) {
  mixent_predictor *predictor;
  if (arguments->views > 1)
    return mixent_wrong_use("predict: rows of features have one view; leave --views out");
  if (arguments->invert != INVERT_WARN)
    return mixent_wrong_use("predict: rows of features have no negative; leave --invert out");
  mixent_precision precision;
  mixent_status status = mixent_precision_choose(arguments->precision, model, &precision);
  if (status == MIXENT_OK) status = mixent_predictor_create(model, ROWS, precision, &predictor);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = MIXENT_EXIT_DONE;
  for (size_t i = 0; i < inputs->count; i++)
    if (predict_rows(arguments, model, predictor, inputs->items[i]) != MIXENT_EXIT_DONE)
      code = MIXENT_EXIT_FAILED;
  mixent_predictor_free(predictor);
  return code;
}

static mixent_status warn_of_passed_over(const mixent_inputs *inputs) {
  char *note;
  MIXENT_TRY(mixent_passed_over_note(&inputs->passed_over, inputs->wanted, &note));
  if (note) mixent_warning_print("%s", note);
  free(note);
  return MIXENT_OK;
}

static int predict(const arguments *arguments, const mixent_model *model, int count, char **words) {
  static const char *const tables[] = {".csv", NULL};
  bool table = model->side == 1;
  mixent_inputs inputs = {.endings = table ? tables : mixent_picture_endings,
                          .wanted = table ? ".csv" : MIXENT_PICTURE_ENDINGS};
  int code = MIXENT_EXIT_DONE;
  for (int i = 0; i < count; i++)
    if (mixent_inputs_add(&inputs, words[i]) != MIXENT_OK) {
      mixent_failed(MIXENT_ERROR_IO);
      code = MIXENT_EXIT_FAILED;
    }
  mixent_status status = warn_of_passed_over(&inputs);
  if (status == MIXENT_OK && arguments->csv && inputs.files.count)
    status = mixent_prediction_print_header(model);
  if (status != MIXENT_OK) code = mixent_failed(status);
  if (status == MIXENT_OK && inputs.files.count) {
    int found = (table ? predict_tables : predict_images)(arguments, model, &inputs.files);
    if (found != MIXENT_EXIT_DONE) code = found;
  }
  mixent_inputs_free(&inputs);
  return code;
}

/* The first word is a checkpoint; more may follow it. */
static mixent_status count_checkpoints(int count, char **words, int *out) {
  bool named = true;
  for (*out = 1; *out < count; ++*out) {
    MIXENT_TRY(mixent_checkpoint_is_named(words[*out], &named));
    if (!named) break;
  }
  return MIXENT_OK;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  if (arguments->json && arguments->csv)
    return mixent_wrong_use("predict: --json and --csv exclude each other; give one");
  mixent_threads_choose(arguments->threads);
  mixent_checkpoints checkpoints = {.count = 0};
  int models = 1;
  mixent_status status = count_checkpoints(count, words, &models);
  if (status == MIXENT_OK) status = mixent_checkpoints_open(words, (size_t)models, &checkpoints);
  if (status == MIXENT_OK)
    status = mixent_temperature_choose(arguments->temperature, checkpoints.paths[0], checkpoints.model);
  if (status == MIXENT_OK && models == count)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "predict: expected images or tables after the checkpoints, got none");
  int code = status == MIXENT_OK ? predict(arguments, checkpoints.model, count - models, words + models)
                                 : mixent_failed(status);
  mixent_checkpoints_free(&checkpoints);
  return code;
}

static const mixent_command_option options[] = {
    MIXENT_MODEL_OPTIONS(arguments),
    MIXENT_TEMPERATURE_OPTION(arguments),
    {.name = "invert",
     .argument = "warn|auto|yes|no",
     .help =
         "classify the negatives of images: all, none, or (auto) those light where the training images are "
         "dark, or dark where these are light; warn leaves and names them",
     .kind = MIXENT_VALUE_CHOICE,
     .offset = offsetof(arguments, invert),
     .fallback = "warn",
     .choices = invert_choices},
    {.name = "json",
     .help = "print a line of JSON per image or row; probabilities are 0 to 1 there",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = "csv",
     .help =
         "print CSV: the file, of a table the number of the row, the class, and the probability of each class, 0 to 1",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, csv)},
    {.name = NULL}};

const mixent_command mixent_command_predict = {
    .name = "predict",
    .summary = "Name the classes of images or of rows of a table",
    .operands = "CHECKPOINT|RUN|MODEL... IMAGE|ROWS.csv|DIR...",
    .names = mixent_shipped_names,
    .least_operands = 2,
    .most_operands = -1,
    .options = options,
    .description =
        "Prints a line per image with the three most likely classes. Images are PNG, JPEG, BMP or WebP; a "
        "directory stands for all images in it, at any depth. If an image cannot be read, the others "
        "are answered and the exit code is 1. MODEL is the name of a model that comes with mixent. CHECKPOINT may "
        "be an ONNX file of mixent or PyTorch (.onnx). Of several checkpoints, an ensemble, the probabilities are averaged.\n\n"
        "An image is scaled to the size that the network was trained on, and made a square as its training "
        "images were (option fit of the recipe). If these were squares in a file of their own, as MNIST's, one that "
        "is not square is stretched, with a warning, so crop it first. It should look like the training images: letters and digits are light strokes on black, upright ('mixent data show "
        "NAME' shows them). A model of a table reads CSV as its training did, with or without labels, and finds the "
        "columns by the names in its header; a category that training did not see is none of them, with a "
        "warning.\n\n"
        "  mixent predict runs/letters a.png b.jpg     the best.safetensors of a run\n"
        "  mixent predict best.safetensors scans/      all images in a directory",
    .arguments_size = sizeof(arguments),
    .run = run};
