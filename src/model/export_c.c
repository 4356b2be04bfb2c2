/* A trained model as one C99 file: a comment that says how to call it, declarations, the functions that it needs
 * (src/model/exported), its constants, and two functions of its own. Nothing is written before all of it is made. */
#include "core/embedded.h"
#include "core/file.h"
#include "core/locale.h"
#include "model/c_layers.h"
#include "model/evaluator.h"
#include "net/graph/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What such a file begins with: it tells them from others' files. */
static const char first_words[] = "/* Made by 'mixent export --c'";

enum { MOST_NUMBERS = 1 << 28 /* of weights, of values: all places in them are ints, with room to spare */ };
enum { MOST_NAME = 1000 }; /* bytes of a class name, which need four characters at most; C99 promises 4,095 */

static mixent_status check_prefix(const char *prefix) {
  size_t length = strlen(prefix);
  bool good = length > 0 && length <= MIXENT_MOST_C_PREFIX;
  for (size_t i = 0; i < length && good; i++) {
    bool letter = (prefix[i] >= 'a' && prefix[i] <= 'z') || (prefix[i] >= 'A' && prefix[i] <= 'Z');
    good = letter || (i > 0 && (prefix[i] == '_' || (prefix[i] >= '0' && prefix[i] <= '9')));
  }
  if (good) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "the prefix of a C file: expected a letter and at most %d more letters, digits or '_', got '%s'",
      MIXENT_MOST_C_PREFIX - 1, prefix);
}

static mixent_status check_names(char **names, int count, const char *what) {
  for (int i = 0; names && i < count; i++)
    if (strlen(names[i]) > MOST_NAME)
      return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "a C file: %s %d has %zu bytes, expected at most %d", what,
                         i, strlen(names[i]), MOST_NAME);
  return MIXENT_OK;
}

static mixent_status check_numbers(const char *what, const float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return mixent_fail(MIXENT_ERROR_NUMERIC, "a C file: value %zu of the model's %s is not finite", i,
                         what);
  return MIXENT_OK;
}

static mixent_status check_model(const mixent_c_exporter *e) {
  const mixent_model *model = e->model;
  const mixent_graph *graph = e->folded.graph;
  MIXENT_TRY(mixent_c_check_layers(graph));
  MIXENT_TRY(check_names(model->class_names, model->classes, "the name of class"));
  MIXENT_TRY(check_names(model->feature_names, model->channels, "the name of feature"));
  MIXENT_TRY(check_numbers("folded parameters", e->folded.parameters, graph->parameter_count));
  MIXENT_TRY(check_numbers("folded statistics", e->folded.statistics, graph->statistic_count));
  MIXENT_TRY(check_numbers("means", model->mean, (size_t)model->channels));
  MIXENT_TRY(check_numbers("deviations", model->deviation, (size_t)model->channels));
  if (graph->parameter_count > MOST_NUMBERS || e->plan.floats > MOST_NUMBERS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "a C file: the network has %zu weights and %zu values, expected at most %d of each",
                       graph->parameter_count, e->plan.floats, MOST_NUMBERS);
  return MIXENT_OK;
}

/* A file of somebody else must not be lost to a name given by mistake. */
static mixent_status check_path(const char *path) {
  mixent_path_kind kind;
  char start[sizeof first_words] = "";
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_FILE) return MIXENT_OK;
  FILE *file;
  MIXENT_TRY(mixent_file_open(path, &file));
  size_t length = fread(start, 1, sizeof first_words - 1, file);
  fclose(file);
  if (length == 0 || memcmp(start, first_words, sizeof first_words - 1) == 0) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s is there and was not made by 'mixent export --c'; name another file", path);
}

static bool is_table(const mixent_model *model) {
  return model->side == 1;
}

/* "const unsigned char *pixels" */
static const char *input_of(const mixent_model *model) {
  return is_table(model) ? "const float *features" : "const unsigned char *pixels";
}

/* "LETTERS" */
static void append_capitals(const char *text, mixent_text *out) {
  for (; *text; text++)
    mixent_text_append(out, "%c", *text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
}

static void append_input_remark(const mixent_model *model, mixent_text *out) {
  if (is_table(model)) {
    mixent_text_append(out, " * features: %d finite numbers, %s%s.\n", model->channels,
                       model->encoder ? "as the checkpoint's encoder makes them of a table's columns"
                                      : "as they stand in the table",
                       model->feature_names ? ", in the order of the feature names" : "");
    return;
  }
  mixent_text_append(out, " * pixels: %d bytes, [%d rows][%d columns][%d %s], rows from the top.\n",
                     model->side * model->side * model->channels, model->side, model->side, model->channels,
                     model->channels == 1 ? "channel" : "channels: red, green, blue");
  mixent_text_append(
      out,
      " * 0 is black, 255 white; light on dark or dark on light, upright and centred as the training images.\n");
}

/* Values between layers, and weights that exported/int8_weights.c has widened. */
static size_t variable_bytes(const mixent_c_exporter *e) {
  size_t wide = e->needs[MIXENT_C_INT8_WEIGHTS] ? MIXENT_C_BLOCK * MIXENT_C_DEPTH : 0;
  return (e->plan.floats + wide) * sizeof(float);
}

static void append_head(const mixent_c_exporter *e, mixent_text *out) {
  const mixent_model *model = e->model;
  const char *prefix = e->options.prefix;
  mixent_text_append(out, "%s of mixent " MIXENT_VERSION ": ", first_words);
  mixent_c_append_remark(out, model->graph->name);
  mixent_text_append(out, ", trained on ");
  mixent_c_append_remark(out, model->data);
  mixent_text_append(out,
                     ".\n *\n"
                     " *   %s_classify  one %s -> probabilities [%d]; returns the number of the largest\n"
                     " *   %s_logits    the same before the softmax\n *\n",
                     prefix, is_table(model) ? "row of features" : "image", model->classes, prefix);
  append_input_remark(model, out);
  mixent_text_append(
      out,
      " * The input is normalised inside. Batch norm is part of the weights, which are %s.\n *\n"
      " * C99 with an int of 32 bits; no library, no allocation, no recursion. Compilers may call memcpy and memset.\n"
      " * %zu bytes of constants and %zu bytes of working memory, which is static: one thread at a time may call it.\n *\n"
      " * For the declarations alone, in a file of your own:\n *\n *   #define ",
      e->options.int8 ? "whole numbers of 8 bits with a scale for each output channel" : "floats",
      e->constant_bytes, variable_bytes(e));
  append_capitals(prefix, out);
  mixent_text_append(out, "_DECLARATIONS\n *   #include \"this file\" */\n\n");
}

static void append_declarations(const mixent_c_exporter *e, mixent_text *out) {
  const mixent_model *model = e->model;
  const char *prefix = e->options.prefix;
  mixent_text_append(out, "#ifndef ");
  append_capitals(prefix, out);
  mixent_text_append(out, "_DECLARED\n#define ");
  append_capitals(prefix, out);
  mixent_text_append(out, "_DECLARED\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
  mixent_text_append(out, "enum { %s_side = %d, %s_channels = %d, %s_classes = %d };\n", prefix, model->side,
                     prefix, model->channels, prefix, model->classes);
  mixent_text_append(out, "extern const char *const %s_class_names[%d];\n", prefix, model->classes);
  if (model->feature_names)
    mixent_text_append(out, "extern const char *const %s_feature_names[%d];\n", prefix, model->channels);
  mixent_text_append(out, "int %s_classify(%s, float *probabilities);\nvoid %s_logits(%s, float *logits);\n",
                     prefix, input_of(model), prefix, input_of(model));
  mixent_text_append(out, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
}

static void append_names(const char *prefix, const char *kind, char **names, int count, mixent_text *out) {
  mixent_text_append(out, "\nconst char *const %s_%s_names[%d] = {", prefix, kind, count);
  for (int i = 0; i < count; i++) {
    mixent_text_append(out, i ? ",\n    " : "\n    ");
    mixent_c_append_string(out, names[i]);
  }
  mixent_text_append(out, "};\n");
}

static void append_functions(const mixent_c_exporter *e, mixent_text *out) {
  if (e->needs[MIXENT_C_CONVOLVE])
    mixent_text_append(out, "\nenum { BLOCK = %d, DEPTH = %d };\n", MIXENT_C_BLOCK, MIXENT_C_DEPTH);
  for (int f = 0; f < MIXENT_C_FUNCTIONS; f++)
    for (const mixent_embedded *text = mixent_embedded_c; e->needs[f] && text->name; text++)
      if (strcmp(text->name, mixent_c_function_names[f]) == 0) mixent_text_append(out, "\n%s", text->text);
}

/* Logits are divided by the model's temperature. */
static void append_results(const mixent_c_exporter *e, mixent_text *out) {
  const mixent_model *model = e->model;
  const char *prefix = e->options.prefix;
  double temperature = mixent_model_temperature(model);
  mixent_text_append(out, "\n  for (k = 0; k < %d; k++) logits[k] = memory[%zu + k]", model->classes,
                     mixent_c_place(&e->plan, e->folded.graph->layer_count - 1));
  if (temperature != 1) {
    mixent_text_append(out, " / ");
    mixent_c_append_float(out, (float)temperature);
  }
  mixent_text_append(out,
                     ";\n}\n\nint %s_classify(%s, float *probabilities) {\n  %s_logits(%s, probabilities);\n",
                     prefix, input_of(model), prefix, is_table(model) ? "features" : "pixels");
  mixent_text_append(out, "  return softmax(%d, probabilities);\n}\n", model->classes);
}

/* mean and deviation, and the call that normalises the input. */
static void export_input(mixent_c_exporter *e) {
  const mixent_model *model = e->model;
  size_t channels = (size_t)model->channels;
  mixent_text_append(&e->constants, "\n/* of the training %s, per channel */\n",
                     is_table(model) ? "rows" : "images, of 0 to 1");
  mixent_c_append_floats(&e->constants, "mean", model->mean, channels);
  mixent_c_append_floats(&e->constants, "deviation", model->deviation, channels);
  e->constant_bytes += 2 * channels * sizeof(float);
  e->needs[is_table(model) ? MIXENT_C_NORMALISE_FEATURES : MIXENT_C_NORMALISE_PIXELS] = true;
  if (is_table(model))
    mixent_text_append(&e->calls, "  normalise_features(%d, mean, deviation, features", model->channels);
  else
    mixent_text_append(&e->calls, "  normalise_pixels(%d, %d, mean, deviation, pixels",
                       model->side * model->side, model->channels);
  mixent_text_append(&e->calls, ", memory + %zu);\n", mixent_c_place(&e->plan, 0));
}

static mixent_status export_steps(mixent_c_exporter *e) {
  e->needs[MIXENT_C_EXPONENTIAL] = e->needs[MIXENT_C_SOFTMAX] = true;
  export_input(e);
  for (int s = 0; s < e->plan.step_count; s++) MIXENT_TRY(mixent_c_export_step(e, &e->plan.steps[s]));
  MIXENT_TRY(mixent_text_status(&e->constants));
  return mixent_text_status(&e->calls);
}

static mixent_status write_file(const mixent_c_exporter *e, const char *path) {
  const mixent_model *model = e->model;
  const char *prefix = e->options.prefix;
  mixent_text out = {0};
  append_head(e, &out);
  append_declarations(e, &out);
  mixent_text_append(&out, "\n#ifndef ");
  append_capitals(prefix, &out);
  mixent_text_append(&out, "_DECLARATIONS\n#include <stdint.h>\n");
  append_names(prefix, "class", model->class_names, model->classes, &out);
  if (model->feature_names) append_names(prefix, "feature", model->feature_names, model->channels, &out);
  append_functions(e, &out);
  mixent_text_append_bytes(&out, e->constants.data, e->constants.length);
  mixent_text_append(
      &out,
      "\n/* All values between layers: those that are never needed together lie over each other. */\n"
      "static float memory[%zu];\n\nvoid %s_logits(%s, float *logits) {\n  int k;\n",
      e->plan.floats, prefix, input_of(model));
  mixent_text_append_bytes(&out, e->calls.data, e->calls.length);
  append_results(e, &out);
  mixent_text_append(&out, "#endif\n");
  mixent_status status = mixent_text_status(&out);
  if (status == MIXENT_OK) status = mixent_file_replace(path, out.data, out.length);
  mixent_text_free(&out);
  return status;
}

mixent_status mixent_model_export_c(const mixent_model *model, const mixent_c_options *options,
                                    const char *path, mixent_c_size *size) {
  MIXENT_NEED(path);
  MIXENT_TRY(mixent_model_check(model));
  mixent_c_exporter e = {.model = model};
  if (options) e.options = *options;
  if (!e.options.prefix) e.options.prefix = "model";
  MIXENT_TRY(check_prefix(e.options.prefix));
  MIXENT_TRY(check_path(path));
  MIXENT_TRY(mixent_fold(model->graph, model->parameters, model->statistics, &e.folded));
  mixent_status status = mixent_c_plan_make(e.folded.graph, &e.plan);
  if (status == MIXENT_OK) status = check_model(&e);
  if (status == MIXENT_OK) status = export_steps(&e);
  if (status == MIXENT_OK) status = write_file(&e, path);
  if (status == MIXENT_OK && size) *size = (mixent_c_size){e.constant_bytes, variable_bytes(&e)};
  mixent_text_free(&e.constants);
  mixent_text_free(&e.calls);
  mixent_c_plan_free(&e.plan);
  mixent_folded_free(&e.folded);
  return status;
}
