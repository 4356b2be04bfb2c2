/* `mixent export`: a trained model in a format other programs read. */
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/places.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/printable.h"
#include "data/formats/single_file.h"
#include "model/one_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
  const char *onnx, *safetensors, *temperature;
  bool half;
} arguments;

static bool are_one_file(const char *a, const char *b) {
  struct stat first, second;
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/* Checkpoints and files of runs must not be lost to words in the wrong order. */
static mixent_status check_onnx(const char *checkpoint, const char *onnx) {
  static const char *const kept[] = {".safetensors", ".yaml", ".json", ".jsonl", ".pt", ".pth", NULL};
  const char *end = strrchr(onnx, '.');
  if (are_one_file(checkpoint, onnx))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "export: %s is the checkpoint itself; name another file", onnx);
  for (int i = 0; end && kept[i]; i++)
    if (strcmp(end, kept[i]) == 0 && mixent_is_file(onnx))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "export: --onnx would replace %s, a %s file; name a file that ends in .onnx", onnx,
                         end);
  return MIXENT_OK;
}

/* On standard error where the file is a pipe or a device, which may be standard output. */
static mixent_status tell(const mixent_model *model, const char *onnx) {
  struct stat info;
  if (stat(onnx, &info) != 0) return mixent_fail_errno("look at", onnx);
  bool is_file = S_ISREG(info.st_mode);
  FILE *out = is_file ? stdout : stderr;
  fprintf(out, "wrote %s", mixent_printable(onnx));
  if (is_file) fprintf(out, " (%s)", mixent_text_bytes((double)info.st_size));
  if (model->side == 1)
    fprintf(out, ": features [N, %d]", model->channels);
  else
    fprintf(out, ": images [N, %d, %d, %d], pixels divided by 255,", model->channels, model->side,
            model->side);
  fprintf(out, " -> logits [N, %d]%s\n", model->classes, mixent_temperature_text(model));
  return MIXENT_OK;
}

static mixent_status check_targets(const arguments *arguments, const mixent_checkpoints *checkpoints) {
  for (size_t i = 0; i < checkpoints->count; i++) {
    if (arguments->onnx) MIXENT_TRY(check_onnx(checkpoints->paths[i], arguments->onnx));
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

static mixent_status export_all(const arguments *arguments, const mixent_checkpoints *checkpoints) {
  mixent_model *model = checkpoints->model;
  MIXENT_TRY(check_targets(arguments, checkpoints));
  MIXENT_TRY(mixent_temperature_choose(arguments->temperature, checkpoints->paths[0], model));
  if (arguments->safetensors)
    MIXENT_TRY(write_checkpoint(checkpoints, arguments->half, arguments->safetensors));
  if (!arguments->onnx) return MIXENT_OK;
  MIXENT_TRY(mixent_model_export_onnx(model, arguments->onnx));
  return tell(model, arguments->onnx);
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  bool onnx = arguments->onnx && *arguments->onnx;
  if (!onnx && !arguments->safetensors)
    return mixent_wrong_use("export: say what to write: --onnx FILE or --safetensors FILE");
  if (arguments->half && !arguments->safetensors)
    return mixent_wrong_use("export: --half is of the file that --safetensors FILE names; name one");
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
     .help = "with --safetensors: store weights as float16, in half the bytes; they are widened when read",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, half)},
    MIXENT_TEMPERATURE_OPTION(arguments),
    {.name = NULL}};

const mixent_command mixent_command_export = {
    .name = "export",
    .summary = "Write a checkpoint for other programs (ONNX), in half the bytes, or several as one",
    .operands = "CHECKPOINT|RUN|MODEL...",
    .names = mixent_shipped_names,
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "The ONNX file reads 'images', float [N, channels, side, side] with pixels divided by 255. "
        "For a table it reads 'features', float [N, features], as they are. It gives 'logits', float "
        "[N, classes]. N is any number. Normalisation is inside, and batch norm is part of the "
        "weights. The metadata name classes, data set and loss. Several checkpoints "
        "become one network, whose probabilities are the mean of theirs. MODEL is the name of a model that comes with "
        "mixent.",
    .arguments_size = sizeof(arguments),
    .run = run};
