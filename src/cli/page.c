/* `mixent page`: a page on which a person draws and sees what trained models believe. */
#include "model/page.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/places.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
  const char *output;
} arguments;

/* The last part of a run's or a file's path; of RUN/best.safetensors and the like the run's. */
static mixent_status name_model(const char *word, char **out) {
  size_t length = strlen(word);
  while (length > 1 && word[length - 1] == '/') length--;
  const char *begin = memrchr(word, '/', length);
  size_t first = begin ? (size_t)(begin + 1 - word) : 0;
  static const char *const own[] = {"best.safetensors", "last.safetensors", "model.safetensors", NULL};
  for (int i = 0; own[i]; i++)
    if (first > 1 && strcmp(word + first, own[i]) == 0) {
      char *run;
      MIXENT_TRY(mixent_copy_start(word, first - 1, &run));
      mixent_status status = name_model(run, out);
      free(run);
      return status;
    }
  return mixent_copy_start(word + first, length - first, out);
}

/* Models of one name are called by their whole paths. */
static mixent_status tell_apart(char **words, size_t count, char **names) {
  bool same = false;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++) same |= strcmp(names[i], names[j]) == 0;
  for (size_t i = 0; i < count && same; i++) {
    free(names[i]);
    MIXENT_TRY(mixent_copy_text(words[i], &names[i]));
  }
  return MIXENT_OK;
}

static mixent_status open_models(char **words, size_t count, mixent_model **models, char **names) {
  for (size_t i = 0; i < count; i++) {
    mixent_checkpoints one;
    mixent_status status = mixent_checkpoints_open(words + i, 1, &one);
    if (status == MIXENT_OK) models[i] = one.model, one.model = NULL;
    mixent_checkpoints_free(&one);
    MIXENT_TRY(status);
    MIXENT_TRY(name_model(words[i], &names[i]));
  }
  return tell_apart(words, count, names);
}

static mixent_status write_page(const arguments *arguments, char **words, size_t count, mixent_model **models,
                                char **names) {
  struct stat info;
  MIXENT_TRY(open_models(words, count, models, names));
  MIXENT_TRY(mixent_model_page_write((const mixent_model *const *)models, (const char *const *)names, count,
                                     arguments->output));
  if (stat(arguments->output, &info) != 0) return mixent_fail_errno("look at", arguments->output);
  if (S_ISREG(info.st_mode))
    printf("wrote %s (%s): open it in a browser, draw, and see what %s\n",
           mixent_printable(arguments->output), mixent_text_bytes((double)info.st_size),
           count == 1 ? "the model believes" : "the models believe");
  return MIXENT_OK;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  mixent_model **models = NULL;
  char **names = NULL;
  if (!mixent_has_ending(arguments->output, ".html") && !mixent_has_ending(arguments->output, ".htm"))
    return mixent_wrong_use("page: --output: expected a name that ends in .html, got %s", arguments->output);
  mixent_status status = MIXENT_ALLOCATE((size_t)count, &models);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE((size_t)count, &names);
  if (status == MIXENT_OK) status = write_page(arguments, words, (size_t)count, models, names);
  for (int i = 0; i < count; i++) {
    if (models) mixent_model_free(models[i]);
    if (names) free(names[i]);
  }
  free(models);
  free(names);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command_option options[] = {{.name = "output",
                                                 .argument = "FILE.html",
                                                 .help = "the page; a FILE that is there is replaced",
                                                 .kind = MIXENT_VALUE_TEXT,
                                                 .offset = offsetof(arguments, output),
                                                 .fallback = "page.html"},
                                                {.name = NULL}};

const mixent_command mixent_command_page = {
    .name = "page",
    .summary = "Write a page on which one draws and sees what models believe",
    .operands = "CHECKPOINT|RUN|MODEL...",
    .names = mixent_shipped_names,
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "The page is one file with the weights in it. It opens from disk in any browser and needs no network. Draw with finger, "
        "pen, mouse or keyboard, or drop, paste or choose a picture: each model answers at once with its most likely classes, their "
        "probabilities and the entropy. Strokes are centred and scaled as EMNIST and MNIST are.\n\n"
        "  mixent page runs/demo/ce runs/demo/min-ent     two losses side by side, in page.html",
    .arguments_size = sizeof(arguments),
    .run = run};
