/* `mixent report`: a study, some runs, or anybody's results, as one HTML page. */
#include "lab/report/report.h"
#include "cli/commands.h"
#include "cli/compare_results.h"
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
  bool json, results;
  mixent_compare_results_arguments asked; /* of results */
} arguments;

/* report.html in the study's, the single run's or the recorded runs' directory, or here for several and for files; free(). */
static mixent_status choose_path(const char *output, const mixent_names *places, char **out) {
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  if (!output && places->count == 1) MIXENT_TRY(mixent_path_look(places->items[0], &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return mixent_copy_text(output ? output : "report.html", out);
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

/* The command line that makes the page again. */
static mixent_status write_command(const arguments *arguments, const mixent_names *places, mixent_text *out) {
  const mixent_compare_results_arguments *asked = &arguments->asked;
  const struct {
    const char *name, *value;
  } options[] = {{"metric", asked->metric}, {"baseline", asked->baseline}, {"difference", asked->difference},
                 {"lower", asked->lower},   {"higher", asked->higher},     {"columns", asked->columns},
                 {"epoch", asked->epoch},   {"overlap", asked->overlap}};
  mixent_text_append(out, "mixent report%s", arguments->results ? " --results" : "");
  for (size_t i = 0; i < places->count; i++) {
    char *quoted = mixent_path_quote(places->items[i]);
    mixent_text_append(out, " %s", quoted ? quoted : "");
    out->failed |= !quoted;
    free(quoted);
  }
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    char *quoted = options[i].value ? mixent_path_quote(options[i].value) : NULL;
    if (quoted) mixent_text_append(out, " --%s %s", options[i].name, quoted);
    out->failed |= options[i].value && !quoted;
    free(quoted);
  }
  return mixent_text_status(out);
}

static mixent_status report_results(const arguments *arguments, const mixent_names *places,
                                    const mixent_report_options *options, mixent_text *page) {
  mixent_results_source source = {0};
  mixent_text command = {0};
  mixent_status status =
      mixent_compare_results_read(&arguments->asked, (int)places->count, places->items, &source);
  if (status == MIXENT_OK) status = write_command(arguments, places, &command);
  source.question.metric = arguments->asked.metric;
  const mixent_report_results results = {&source.results, &source.layout, &source.question, command.data};
  mixent_report_options whole = *options;
  whole.results = &results;
  if (status == MIXENT_OK)
    status = mixent_report_make((const char *const *)places->items, places->count, &whole, page);
  mixent_text_free(&command);
  mixent_results_source_free(&source);
  return status;
}

/* Finds what the words name: `places`, of results if *results. */
static mixent_status find(const arguments *arguments, char **words, int count, mixent_names *places,
                          bool *results) {
  *results = arguments->results;
  for (int i = 0; i < count && *results; i++) MIXENT_TRY(mixent_names_add(places, words[i]));
  if (!*results) MIXENT_TRY(mixent_compare_results_find(MIXENT_RUNS, words, count, places));
  *results = places->count > 0;
  return *results ? MIXENT_OK : find_places(words, (size_t)count, places);
}

static mixent_status make_page(const arguments *arguments, bool results, const mixent_names *places,
                               mixent_text *page) {
  const mixent_report_options options = {.data_directory = arguments->data_directory, .warning = warn};
  return results ? report_results(arguments, places, &options, page)
                 : mixent_report_make((const char *const *)places->items, places->count, &options, page);
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  const char *asked = mixent_compare_results_given(&arguments->asked);
  mixent_text page = {0};
  mixent_names places = {0};
  char *path = NULL;
  bool results;
  mixent_status status = find(arguments, words, count, &places, &results);
  int code = status == MIXENT_OK && asked && !results
                 ? mixent_wrong_use("report: --%s is for results: mixent report --results PATH…", asked)
                 : MIXENT_EXIT_NOT_YET;
  if (code == MIXENT_EXIT_NOT_YET) {
    if (status == MIXENT_OK) status = make_page(arguments, results, &places, &page);
    if (status == MIXENT_OK) status = choose_path(arguments->output, &places, &path);
    if (status == MIXENT_OK) status = mixent_file_replace(path, page.data, page.length);
    code = status == MIXENT_OK ? print_path(arguments, path, page.length) : mixent_failed(status);
  }
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
    MIXENT_RESULTS_OPTIONS(arguments, "NAME"),
    {.name = NULL}};

const mixent_command mixent_command_report = {
    .name = "report",
    .summary = "Write a study, some runs or results as one HTML page",
    .operands = "STUDY_DIR|RUN...|PATH...",
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "The page begins with a line for each variant: mean, difference from the baseline with its "
        "interval, verdict, calibration. It shows why below: every measure before and after "
        "temperature, curves with bands over the seeds, "
        "weights and bases, reliability, the entropy of right and wrong predictions, risk against "
        "coverage, confusions with pictures, warnings, and the commands that make all of it again. "
        "It is one file that opens from disk, light or dark, and prints. Charts tell their values to "
        "those who point at them, and check boxes hide variants.\n\n"
        "A study may be unfinished: the page shows the finished runs. Runs without a study are each "
        "a variant of their own, compared with the first; for two runs the page has McNemar's test. "
        "gnuplot draws the charts.\n\n"
        "--results and directories of recorded runs (mixent.lab.record) take any program's results, as "
        "'mixent compare --results' does; the page shows what they allow.",
    .arguments_size = sizeof(arguments),
    .run = run};
