/* `mixent export`: a trained model in a format other programs read. */
#include "cli/commands.h"
#include "core/status.h"

#include <sys/stat.h>

typedef struct arguments {
  const char *onnx;
} arguments;

static bool are_one_file(const char *a, const char *b) {
  struct stat first, second;
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  if (!arguments->onnx || !*arguments->onnx)
    return mixent_wrong_use("export: say what to write: --onnx FILE");
  if (are_one_file(words[0], arguments->onnx))
    return mixent_wrong_use("export: %s is the checkpoint itself; name another file", arguments->onnx);
  mixent_model *model;
  mixent_status status = mixent_model_open(words[0], &model);
  if (status != MIXENT_OK) return mixent_failed(status);
  status = mixent_model_export_onnx(model, arguments->onnx);
  mixent_model_free(model);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command_option options[] = {{.name = "onnx",
                                                 .argument = "FILE",
                                                 .help = "write the network as ONNX; a FILE that is there "
                                                         "is replaced",
                                                 .kind = MIXENT_VALUE_TEXT,
                                                 .offset = offsetof(arguments, onnx)},
                                                {.name = NULL}};

const mixent_command mixent_command_export = {
    .name = "export",
    .summary = "Write a checkpoint for other programs (ONNX)",
    .operands = "CHECKPOINT",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description = "The ONNX file reads 'images', float [N, channels, side, side] with pixels divided by 255 "
                   "(of a table "
                   "'features', float [N, features] as they are), and gives 'logits', float [N, classes]; N "
                   "is any number. Normalisation is inside, batch norm is part of the "
                   "weights. Its metadata name classes, data set and loss.",
    .arguments_size = sizeof(arguments),
    .run = run};
