/* `mixent export`: a trained model in a format other programs read. */
#include "cli/commands.h"
#include "cli/inputs.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
  const char *onnx, *temperature;
} arguments;

static bool are_one_file(const char *a, const char *b) {
  struct stat first, second;
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/* Checkpoints and files of runs must not be lost to words in the wrong order. */
static mixent_status check_target(const char *checkpoint, const char *onnx) {
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

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  if (!arguments->onnx || !*arguments->onnx)
    return mixent_wrong_use("export: say what to write: --onnx FILE");
  mixent_model *model = NULL;
  char *path;
  mixent_status status = mixent_checkpoint_open(words[0], &path, &model);
  if (status == MIXENT_OK) status = check_target(path, arguments->onnx);
  if (status == MIXENT_OK) status = mixent_temperature_choose(arguments->temperature, path, model);
  if (status == MIXENT_OK) status = mixent_model_export_onnx(model, arguments->onnx);
  if (status == MIXENT_OK) status = tell(model, arguments->onnx);
  mixent_model_free(model);
  free(path);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command_option options[] = {{.name = "onnx",
                                                 .argument = "FILE",
                                                 .help = "write the network as ONNX; a FILE that is there "
                                                         "is replaced",
                                                 .kind = MIXENT_VALUE_TEXT,
                                                 .offset = offsetof(arguments, onnx)},
                                                MIXENT_TEMPERATURE_OPTION(arguments),
                                                {.name = NULL}};

const mixent_command mixent_command_export = {
    .name = "export",
    .summary = "Write a checkpoint for other programs (ONNX)",
    .operands = "CHECKPOINT|RUN",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "The ONNX file reads 'images', float [N, channels, side, side] with pixels divided by 255. "
        "For a table it reads 'features', float [N, features], as they are. It gives 'logits', float "
        "[N, classes]. N is any number. Normalisation is inside, and batch norm is part of the "
        "weights. The metadata name classes, data set and loss.",
    .arguments_size = sizeof(arguments),
    .run = run};
