/* `mixent export`: a trained model in a format other programs read. */
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/places.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/printable.h"
#include "data/formats/single_file.h"
#include "model/hub.h"
#include "model/one_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
  const char *onnx, *safetensors, *c, *hub, *name, *temperature;
  bool half, int8;
} arguments;

static bool are_one_file(const char *a, const char *b) {
  struct stat first, second;
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/* Checkpoints and files of runs must not be lost to words in the wrong order. `ending`: what the file's name should end in. */
static mixent_status check_target(const char *checkpoint, const char *option, const char *ending,
                                  const char *path) {
  static const char *const kept[] = {".safetensors", ".yaml", ".json", ".jsonl", ".pt", ".pth", NULL};
  const char *end = strrchr(path, '.');
  if (are_one_file(checkpoint, path))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "export: %s is the checkpoint itself; name another file", path);
  for (int i = 0; end && kept[i]; i++)
    if (strcmp(end, kept[i]) == 0 && mixent_is_file(path))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "export: %s would replace %s, a %s file; name a file that ends in %s", option, path,
                         end, ending);
  return MIXENT_OK;
}

/* "wrote FILE (1.2 MB): ". On standard error where the file is a pipe or a device, which may be standard output. */
static mixent_status begin_telling(const char *path, FILE **out) {
  struct stat info;
  if (stat(path, &info) != 0) return mixent_fail_errno("look at", path);
  bool is_file = S_ISREG(info.st_mode);
  *out = is_file ? stdout : stderr;
  fprintf(*out, "wrote %s", mixent_printable(path));
  if (is_file) fprintf(*out, " (%s)", mixent_text_bytes((double)info.st_size));
  fprintf(*out, ": ");
  return MIXENT_OK;
}

static mixent_status write_onnx(const mixent_model *model, const char *path) {
  FILE *out = NULL;
  MIXENT_TRY(mixent_model_export_onnx(model, path));
  MIXENT_TRY(begin_telling(path, &out));
  if (model->side == 1)
    fprintf(out, "features [N, %d]", model->channels);
  else
    fprintf(out, "images [N, %d, %d, %d], pixels divided by 255,", model->channels, model->side, model->side);
  fprintf(out, " -> logits [N, %d]%s\n", model->classes, mixent_temperature_text(model));
  return MIXENT_OK;
}

static mixent_status write_c(const mixent_model *model, const arguments *arguments) {
  const mixent_c_options options = {.prefix = arguments->name, .int8 = arguments->int8};
  mixent_c_size size;
  FILE *out = NULL;
  MIXENT_TRY(mixent_model_export_c(model, &options, arguments->c, &size));
  MIXENT_TRY(begin_telling(arguments->c, &out));
  fprintf(out, "%s_classify(", arguments->name ? arguments->name : "model");
  if (model->side == 1)
    fprintf(out, "features [%d]", model->channels);
  else
    fprintf(out, "pixels [%d, %d, %d]", model->side, model->side, model->channels);
  fprintf(out, ") -> probabilities [%d]%s; %s bytes of constants and %s of working memory, besides code\n",
          model->classes, mixent_temperature_text(model), mixent_text_count(size.constant_bytes),
          mixent_text_count(size.variable_bytes));
  return MIXENT_OK;
}

static mixent_status check_targets(const arguments *arguments, const mixent_checkpoints *checkpoints) {
  for (size_t i = 0; i < checkpoints->count; i++) {
    if (arguments->onnx) MIXENT_TRY(check_target(checkpoints->paths[i], "--onnx", ".onnx", arguments->onnx));
    if (arguments->c) MIXENT_TRY(check_target(checkpoints->paths[i], "--c", ".c", arguments->c));
    if (arguments->safetensors && are_one_file(checkpoints->paths[i], arguments->safetensors))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "export: %s is one of the checkpoints; name another file",
                         arguments->safetensors);
  }
  if (arguments->safetensors && !mixent_has_ending(arguments->safetensors, ".safetensors"))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "export: --safetensors: expected a name that ends in .safetensors, got %s",
                       arguments->safetensors);
  return MIXENT_OK;
}

static mixent_status write_checkpoint(const mixent_checkpoints *checkpoints, bool half, const char *path) {
  struct stat info;
  MIXENT_TRY(mixent_one_file_write(checkpoints->model, (const char *const *)checkpoints->paths,
                                   checkpoints->count, half, path));
  if (stat(path, &info) != 0) return mixent_fail_errno("look at", path);
  printf("wrote %s (%s)", mixent_printable(path), mixent_text_bytes((double)info.st_size));
  if (checkpoints->count > 1) printf(": the %zu checkpoints as one", checkpoints->count);
  puts("; 'mixent eval' and 'mixent predict' read it");
  return MIXENT_OK;
}

static mixent_status write_hub(const mixent_checkpoints *checkpoints, bool half, const char *directory) {
  bool card;
  MIXENT_TRY(mixent_hub_write(checkpoints->model, (const char *const *)checkpoints->paths, checkpoints->count,
                              half, directory, &card));
  printf("wrote model.safetensors and config.json in %s; 'mixent predict' reads the directory\n",
         mixent_printable(directory));
  puts(card ? "wrote README.md, the model card: name a license in it before you publish the model"
            : "left README.md, which was there, as it is: remove it to have it written anew");
  return MIXENT_OK;
}

static mixent_status export_all(const arguments *arguments, const mixent_checkpoints *checkpoints) {
  mixent_model *model = checkpoints->model;
  MIXENT_TRY(check_targets(arguments, checkpoints));
  MIXENT_TRY(mixent_temperature_choose(arguments->temperature, checkpoints->paths[0], model));
  if (arguments->safetensors)
    MIXENT_TRY(write_checkpoint(checkpoints, arguments->half, arguments->safetensors));
  if (arguments->hub) MIXENT_TRY(write_hub(checkpoints, arguments->half, arguments->hub));
  if (arguments->onnx) MIXENT_TRY(write_onnx(model, arguments->onnx));
  return arguments->c ? write_c(model, arguments) : MIXENT_OK;
}

static bool is_given(const char *path) {
  return path && *path;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  if (!is_given(arguments->onnx) && !is_given(arguments->safetensors) && !is_given(arguments->c) &&
      !is_given(arguments->hub))
    return mixent_wrong_use(
        "export: say what to write: --onnx FILE, --safetensors FILE, --c FILE or --hub DIRECTORY");
  if (arguments->half && !arguments->safetensors && !arguments->hub)
    return mixent_wrong_use(
        "export: --half is of what --safetensors FILE or --hub DIRECTORY names; name one");
  if ((arguments->name || arguments->int8) && !arguments->c)
    return mixent_wrong_use("export: --%s is of the file that --c FILE names; name one",
                            arguments->name ? "name" : "int8");
  if (arguments->temperature && !arguments->onnx && !arguments->c)
    return mixent_wrong_use(
        "export: --temperature is of the file that --onnx FILE or --c FILE names; a checkpoint keeps the fitted one, "
        "and 'mixent predict --temperature' divides by it");
  mixent_checkpoints checkpoints;
  mixent_status status = mixent_checkpoints_open(words, (size_t)count, &checkpoints);
  if (status == MIXENT_OK) status = export_all(arguments, &checkpoints);
  mixent_checkpoints_free(&checkpoints);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command_option options[] = {
    {.name = "onnx",
     .argument = "FILE",
     .help = "write the network as ONNX; a FILE that is there "
             "is replaced",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, onnx)},
    {.name = "safetensors",
     .argument = "FILE",
     .help = "write one checkpoint, of several an ensemble, without what a training needs to go on; a FILE "
             "that is there is replaced",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, safetensors)},
    {.name = "half",
     .help =
         "with --safetensors or --hub: store weights as float16, in half the bytes; they are widened when read",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, half)},
    {.name = "c",
     .argument = "FILE",
     .help =
         "write the network as one C99 file that needs nothing else; a FILE that export wrote before is replaced",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, c)},
    {.name = "name",
     .argument = "PREFIX",
     .help = "with --c: what its names begin with, as in PREFIX_classify (model)",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, name)},
    {.name = "int8",
     .help = "with --c: store weights in 8 bits, with a scale for each output channel",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, int8)},
    {.name = "hub",
     .argument = "DIRECTORY",
     .help = "write what model hubs expect: model.safetensors, config.json and, unless it is there, a model "
             "card README.md with scores, recipe and how to use the model",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, hub)},
    MIXENT_TEMPERATURE_OPTION(arguments),
    {.name = NULL}};

const mixent_command mixent_command_export = {
    .name = "export",
    .summary =
        "Write a checkpoint for other programs (ONNX, C), for a hub, in half the bytes, or several as one",
    .operands = "CHECKPOINT|RUN|MODEL...",
    .names = mixent_shipped_names,
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "The ONNX file reads 'images', float [N, channels, side, side] with pixels divided by 255. "
        "For a table it reads 'features', float [N, features], as they are. It gives 'logits', float "
        "[N, classes]. N is any number. Normalisation is inside, and batch norm is part of the "
        "weights. The metadata name classes, data set and loss. The C file has the function PREFIX_classify, "
        "which takes pixels from 0 to 255 or features; its first comment says how to call it. --temperature is of the ONNX and "
        "the C file; a checkpoint keeps the fitted one beside its weights. Several checkpoints "
        "become one network, whose probabilities are the mean of theirs. MODEL is the name of a model that comes with "
        "mixent.",
    .arguments_size = sizeof(arguments),
    .run = run};
