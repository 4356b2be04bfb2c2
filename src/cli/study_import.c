/* `mixent study import`: a study from a file of `mixent study export`, plain or in gzip. */
#include "cli/commands.h"
#include "cli/places.h"
#include "cli/planner.h"
#include "core/file.h"
#include "core/gzip.h"
#include "core/printable.h"
#include "lab/study/file.h"

#include <stdlib.h>

typedef struct arguments {
  const char *runs;
} arguments;

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  const mixent_study_planner planner = mixent_planner();
  const size_t largest = (size_t)1 << 30;
  mixent_study_imported imported;
  uint8_t *text;
  char *directory = NULL;
  size_t size;
  mixent_status status = mixent_gzip_read(words[0], largest, &text, &size);
  if (status != MIXENT_OK) return mixent_failed(status);
  status = mixent_study_import((const char *)text, size, words[0], arguments->runs, &planner, &imported,
                               &directory);
  char *quoted = directory ? mixent_path_quote(directory) : NULL;
  if (status == MIXENT_OK && !quoted) mixent_output_lacks();
  if (status == MIXENT_OK)
    printf("%s: %zu runs came in, %zu were there already; 'mixent compare %s' goes on with it\n",
           mixent_printable(directory), imported.added, imported.kept,
           mixent_printable(quoted ? quoted : directory));
  free(quoted);
  free(directory);
  free(text);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command_option options[] = {{.name = "runs",
                                                 .argument = "DIR",
                                                 .help = "where the study's directory is or goes",
                                                 .kind = MIXENT_VALUE_TEXT,
                                                 .offset = offsetof(arguments, runs),
                                                 .fallback = MIXENT_RUNS},
                                                {.name = NULL}};

const mixent_command mixent_command_study_import = {
    .name = "study import",
    .summary = "Make a study's directory from an exported file, or add the runs that it lacks",
    .operands = "FILE",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "FILE may be plain or in gzip. All of it is checked first: a file that is cut off, damaged, of a "
        "study "
        "with other settings, or whose scores contradict a run that is there is refused with the line, and "
        "nothing changes.",
    .arguments_size = sizeof(arguments),
    .run = run};
