/* `mixent compare --results PATH…`: what somebody's results show. */
#ifndef MIXENT_CLI_COMPARE_RESULTS_H
#define MIXENT_CLI_COMPARE_RESULTS_H

#include "cli/command.h"
#include "core/file.h"
#include "lab/results/compare.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_compare_results_arguments {
  const char *metric, *baseline, *lower, *higher, *columns, *epoch;
  const char *difference, *overlap; /* numbers */
} mixent_compare_results_arguments;

#define MIXENT_RESULTS_OPTION(type, member, value, says)                                                     \
  {                                                                                                          \
    .name = #member, .argument = value, .help = "of results: " says, .kind = MIXENT_VALUE_TEXT,              \
    .offset = offsetof(type, asked.member)                                                                   \
  }

/* Options of a command whose arguments, a struct of that type, have `bool results` and `mixent_compare_results_arguments asked`; metrics:
 * what stands behind --metric in the help. */
#define MIXENT_RESULTS_OPTIONS(type, metrics)                                                                \
  {.name = "results",                                                                                        \
   .help =                                                                                                   \
       "the words are results: files (CSV, JSON Lines, .npz), what trackers write, directories of those",    \
   .kind = MIXENT_VALUE_FLAG,                                                                                \
   .offset = offsetof(type, results)},                                                                       \
      MIXENT_RESULTS_OPTION(type, metric, metrics,                                                           \
                            "what to compare (default: accuracy, else the first metric in the files)"),      \
      MIXENT_RESULTS_OPTION(type, baseline, "NAME",                                                          \
                            "the variant to compare with (default: the first in the files; of a directory "  \
                            "of recorded runs the first by name)"),                                          \
      MIXENT_RESULTS_OPTION(type, difference, "X",                                                           \
                            "the least difference that matters, in the metric's unit (default: 0.1 points "  \
                            "of accuracy)"),                                                                 \
      MIXENT_RESULTS_OPTION(type, lower, "NAME,...",                                                         \
                            "metrics of which lower is better (default: told by the name)"),                 \
      MIXENT_RESULTS_OPTION(type, higher, "NAME,...",                                                        \
                            "metrics of which higher is better (default: told by the name)"),                \
      MIXENT_RESULTS_OPTION(                                                                                 \
          type, columns, "ROLE=NAME,...",                                                                    \
          "which column is the variant, seed, data, run, epoch, metric, value, item or correct"),            \
      MIXENT_RESULTS_OPTION(                                                                                 \
          type, epoch, "WHICH",                                                                              \
          "which epoch of a log counts: last (default), or best:METRIC, a validation metric"),               \
      MIXENT_RESULTS_OPTION(                                                                                 \
          type, overlap, "X",                                                                                \
          "seeds are splits of one data set whose training parts overlap: test over training items of a "    \
          "split (10 folds: 0.111)")

/* The first option of these that was given, for a message; NULL: none. */
const char *mixent_compare_results_given(const mixent_compare_results_arguments *arguments);
/* The directories of recorded runs that words name, which are results: each by its path, or by its name in `runs`. `out` stays empty if
 * the first word is none; mixent_names_free(out), also after an error. */
mixent_status mixent_compare_results_find(const char *runs, char **words, int count, mixent_names *out);
/* A table of results, how it was read, and what is asked of it. */
typedef struct mixent_results_source {
  mixent_results results;
  mixent_results_layout layout;
  mixent_results_question question;
} mixent_results_source;
/* Reads files and directories of results. mixent_results_source_free, also after an error. */
mixent_status mixent_compare_results_read(const mixent_compare_results_arguments *arguments, int count,
                                          char **files, mixent_results_source *out);
void mixent_results_source_free(mixent_results_source *source);
/* Compares the results of files and directories; csv: a file to write, or NULL. Returns the exit code. */
int mixent_compare_results(const mixent_compare_results_arguments *arguments, bool json, const char *csv,
                           int count, char **files);
/* Writes a comparison as CSV. */
mixent_status mixent_compare_csv_write(const mixent_comparison *comparison, const char *path);

#endif
