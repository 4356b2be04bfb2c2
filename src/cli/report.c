/* `mixent report`: a study, or some runs, as one HTML page. */
#include "lab/report/report.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/places.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *output, *data_directory;
  bool json;
} arguments;

/* report.html in the study's or the single run's directory, or here for several runs; free(). */
static mixent_status choose_path(const char *output, const mixent_names *places, char **out) {
  if (output || places->count != 1) return mixent_copy_text(output ? output : "report.html", out);
  *out = mixent_path_join(places->items[0], "report.html");
  return *out ? MIXENT_OK : MIXENT_ERROR_MEMORY;
}

/* A path that is no run or study by its files, nor its name among the runs, is taken as it is: an imported run has no recipe. */
static mixent_status find_places(char **words, size_t count, mixent_names *places) {
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    mixent_path_kind kind;
    char *place = NULL;
    status = mixent_path_look(words[i], &kind);
    if (status == MIXENT_OK)
      status = (kind == MIXENT_PATH_NOTHING ? mixent_place_find : mixent_place_look)(
          MIXENT_RUNS, words[i], MIXENT_PLACE_EITHER, &place);
    if (status == MIXENT_OK) status = mixent_names_add(places, place ? place : words[i]);
    free(place);
  }
  return status;
}

static int print_path(const arguments *arguments, const char *path, size_t bytes) {
  if (arguments->json)
    return mixent_json_print(
        json_pack("{s:o, s:I}", "report", mixent_json_text(path), "bytes", (json_int_t)bytes));
  printf("%s (%s)\n", mixent_printable(path), mixent_text_bytes((double)bytes));
  return MIXENT_EXIT_DONE;
}

static void warn(const char *message) {
  mixent_warning_print("result-unread: %s", message);
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  const mixent_report_options options = {.data_directory = arguments->data_directory, .warning = warn};
  mixent_text page = {0};
  mixent_names places = {0};
  char *path = NULL;
  mixent_status status = find_places(words, (size_t)count, &places);
  if (status == MIXENT_OK)
    status = mixent_report_make((const char *const *)places.items, places.count, &options, &page);
  if (status == MIXENT_OK) status = choose_path(arguments->output, &places, &path);
  if (status == MIXENT_OK) status = mixent_file_replace(path, page.data, page.length);
  int code = status == MIXENT_OK ? print_path(arguments, path, page.length) : mixent_failed(status);
  free(path);
  mixent_names_free(&places);
  mixent_text_free(&page);
  return code;
}

static const mixent_command_option options[] = {
    {.name = "output",
     .argument = "FILE.html",
     .help = "where the page goes (default: report.html in the study or run, of several runs here)",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, output)},
    {.name = "data-dir",
     .argument = "DIR",
     .help = "look for the data set there first, for pictures of test images",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data_directory)},
    {.name = "json",
     .help = "print one line of JSON: where the page is and its size",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_report = {
    .name = "report",
    .summary = "Write a study or some runs as one HTML page",
    .operands = "STUDY_DIR|RUN...",
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "The page says what may be concluded, and shows why: differences from the baseline as "
        "intervals, every measure before and after temperature, curves with bands over the seeds, "
        "weights and bases, reliability, the entropy of right and wrong predictions, risk against "
        "coverage, confusions with pictures, warnings, and the commands that make all of it again. "
        "It is one file that opens from disk, light or dark, and prints.\n\n"
        "A study may be unfinished: the page shows the finished runs. Runs without a study are each "
        "a variant of their own, compared with the first; for two runs the page has McNemar's test. "
        "gnuplot draws the charts.",
    .arguments_size = sizeof(arguments),
    .run = run};
