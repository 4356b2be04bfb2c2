/* `mixent study export`: the results of a study as one text file, packed if its name says so. */
#include "cli/commands.h"
#include "cli/places.h"
#include "core/file.h"
#include "core/gzip.h"
#include "core/printable.h"
#include "lab/study/file.h"

#include <stdlib.h>

static mixent_status write_out(const char *path, const mixent_text *text) {
  if (path && mixent_has_ending(path, ".gz")) {
    mixent_text packed = {0};
    mixent_status status = mixent_gzip_append(text->data, text->length, &packed);
    if (status == MIXENT_OK) status = mixent_file_replace(path, packed.data, packed.length);
    mixent_text_free(&packed);
    return status;
  }
  if (path) return mixent_file_replace(path, text->data, text->length);
  fwrite(text->data, 1, text->length, stdout);
  return MIXENT_OK; /* whether all arrived, the program looks at its end */
}

static int run(const void *given, int count, char **words) {
  (void)given;
  mixent_study *study = NULL;
  mixent_text text = {0};
  size_t runs;
  char *place;
  mixent_status status = mixent_place_find(MIXENT_RUNS, words[0], MIXENT_PLACE_STUDY, &place);
  if (status == MIXENT_OK) status = mixent_study_open(place, &study);
  free(place);
  if (status != MIXENT_OK) return mixent_failed(status);
  const char *path = count > 1 ? words[1] : NULL;
  status = mixent_study_export(study, &text, &runs);
  if (status == MIXENT_OK) status = write_out(path, &text);
  if (status == MIXENT_OK && path)
    printf("%s: %zu of %zu runs of %s\n", mixent_printable(path), runs, mixent_study_run_count(study),
           study->name);
  mixent_text_free(&text);
  mixent_study_free(study);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

const mixent_command mixent_command_study_export = {
    .name = "study export",
    .summary = "Write the results of a study as one small file",
    .operands = "DIR [FILE]",
    .least_operands = 1,
    .most_operands = 2,
    .description =
        "DIR is a study's directory, or the name of one in runs. FILE is JSON Lines, in gzip if its name "
        "ends in .gz; "
        "without FILE the lines go to standard output. They hold the study, its plans, and the recipe, "
        "metrics, "
        "summary and result of every finished run: all that comparing and reporting need. Models and paths "
        "of "
        "this machine are left out. 'mixent study import' reads the file.",
    .run = run};
