/* `mixent data get`: fetches a known data set. */
#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/terminal.h"

typedef struct arguments {
  const char *directory, *address;
} arguments;

typedef struct view {
  mixent_progress progress;
  const volatile sig_atomic_t *stop;
} view;

static int show_progress(void *context, const char *file, uint64_t done, uint64_t total) {
  view *view = context;
  char after[64];
  snprintf(after, sizeof after, "%s of %s", mixent_text_bytes((double)done),
           mixent_text_bytes((double)total));
  mixent_progress_show(&view->progress, file, total ? (double)done / (double)total : 0, after);
  return *view->stop;
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  view view = {.progress = mixent_progress_start(true),
               .stop = mixent_signals_watch("keeping what has come, and ending")};
  mixent_status status =
      mixent_dataset_fetch(words[0], arguments->directory, arguments->address, show_progress, &view);
  mixent_progress_clear(&view.progress);
  if (status != MIXENT_OK) return mixent_failed(status);
  printf("%s is there and its SHA-256 sums are right; 'mixent data show %s' shows it\n", words[0],
         arguments->directory ? arguments->directory : words[0]);
  return MIXENT_EXIT_DONE;
}

static const mixent_command_option options[] = {
    {.name = "directory",
     .argument = "DIR",
     .help = "where to put it (default: ~/.cache/mixent/NAME)",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, directory)},
    {.name = "address",
     .argument = "URL",
     .help = "of the archive, or of the directory of the files, if not the public one",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, address)},
    {.name = NULL}};

const mixent_command mixent_command_data_get = {
    .name = "data get",
    .summary = "Fetch a known data set",
    .operands = "NAME",
    .names = mixent_dataset_names,
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "NAME is mnist, fashion-mnist, cifar-10, cifar-100, or a split of EMNIST: emnist-letters, emnist-balanced, "
        "emnist-byclass, emnist-bymerge, emnist-digits, emnist-mnist.\n\n"
        "Fetches the files from their authors' public addresses (of MNIST from a mirror) and checks their "
        "SHA-256 sums. Of EMNIST only the files of the one split are read out of the archive (letters: 36 of 536 "
        "MB). --address names the archive of EMNIST, and for the others the directory in which the files lie. What "
        "an interrupted try has fetched is kept: run it again to go on.",
    .arguments_size = sizeof(arguments),
    .run = run};
