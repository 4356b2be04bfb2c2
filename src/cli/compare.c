/* `mixent compare`: its options; compare_study.c takes studies, compare_results.c anybody's results. */
#include "cli/commands.h"
#include "cli/compare_ledger.h"
#include "cli/compare_results.h"
#include "cli/compare_study.h"
#include "cli/message.h"
#include "cli/places.h"
#include "core/file.h"
#include "data/formats/single_file.h"
#include "lab/study/study.h"

typedef struct arguments {
  mixent_compare_study_arguments study;   /* of results its runs, csv and json */
  mixent_compare_results_arguments asked; /* of results */
  bool results, ledger;
} arguments;

/* The option of a study that was given with results; NULL: none. */
static const char *study_option(const arguments *arguments) {
  return arguments->study.seeds      ? "seeds"
         : arguments->study.jobs     ? "jobs"
         : arguments->study.threads  ? "threads"
         : arguments->study.no_train ? "no-train"
                                     : NULL;
}

/* MIXENT_EXIT_NOT_YET, or an exit code: options and operands of studies and of results do not mix. */
static int check(const arguments *arguments, bool results, int count, char **words) {
  const char *of_study = study_option(arguments),
             *of_results = mixent_compare_results_given(&arguments->asked);
  if (results && of_study)
    return mixent_wrong_use("compare: --%s is for a study, not for %s", of_study,
                            arguments->results ? "--results" : "recorded runs");
  if (results) return MIXENT_EXIT_NOT_YET;
  if (of_results)
    return mixent_wrong_use("compare: --%s is for results: mixent compare --results PATH…", of_results);
  static const char *const endings[] = {".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".npz", NULL};
  if (mixent_has_one_ending(words[0], endings))
    return mixent_wrong_use(
        "compare: expected a study, got '%s'; if it holds results: mixent compare --results PATH...",
        words[0]);
  if (count > 1)
    return mixent_wrong_use(
        "compare: expected one study, got '%s' as well; 'mixent help compare' says what belongs there",
        words[1]);
  return MIXENT_EXIT_NOT_YET;
}

/* The option of a study or of results that was given with --ledger, and a second word, are errors. */
static int compare_ledger(const arguments *arguments, int count, char **words) {
  const char *option = arguments->results        ? "results"
                       : study_option(arguments) ? study_option(arguments)
                       : arguments->study.csv    ? "csv"
                                                 : mixent_compare_results_given(&arguments->asked);
  if (option) return mixent_wrong_use("compare: --%s does not go with --ledger", option);
  if (count > 1)
    return mixent_wrong_use("compare: expected one directory for --ledger, got '%s' as well", words[1]);
  return mixent_compare_ledger(words[0], arguments->study.json);
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  if (arguments->ledger) return compare_ledger(arguments, count, words);
  mixent_names recorded = {0};
  mixent_status status = arguments->study.csv ? mixent_new_file_check(arguments->study.csv) : MIXENT_OK;
  if (status == MIXENT_OK && !arguments->results)
    status = mixent_compare_results_find(arguments->study.runs, words, count, &recorded);
  bool results = arguments->results || recorded.count;
  int code = status == MIXENT_OK ? check(arguments, results, count, words) : mixent_failed(status);
  if (code == MIXENT_EXIT_NOT_YET)
    code = results ? mixent_compare_results(&arguments->asked, arguments->study.json, arguments->study.csv,
                                            count, recorded.count ? recorded.items : words)
                   : mixent_compare_study(&arguments->study, words[0]);
  mixent_names_free(&recorded);
  return code;
}

static const mixent_command_option options[] = {
    {.name = "seeds",
     .argument = "N",
     .help = "train also seeds 0 to N - 1; they stay with the study",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, study.seeds),
     .low = 2,
     .high = MIXENT_STUDY_MOST},
    {.name = "jobs",
     .argument = "N",
     .help = "runs trained at once (default: processors over threads)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, study.jobs),
     .low = 1,
     .high = 4096},
    {.name = "threads",
     .argument = "N",
     .help = "threads of each run; fixed when the study begins, because the bits depend on them (default: 1)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, study.threads),
     .low = 1,
     .high = 4096},
    {.name = "runs",
     .argument = "DIR",
     .help = "where the study's directory goes",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, study.runs),
     .fallback = MIXENT_RUNS},
    {.name = "no-train",
     .help = "train nothing: show what the finished runs say",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, study.no_train)},
    {.name = "json",
     .help = "print events, one line of JSON each (docs/EVENTS.md); the last one has the comparison",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, study.json)},
    {.name = "csv",
     .argument = "FILE",
     .help = "also write a table with a line per data set, variant and measure",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, study.csv)},
    {.name = "ledger",
     .help =
         "the word is a directory: list every comparison of the studies below it, with one correction over all",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, ledger)},
    MIXENT_RESULTS_OPTIONS(arguments, "NAME,..."),
    {.name = NULL}};

const mixent_command mixent_command_compare = {
    .name = "compare",
    .summary = "Train every variant of a study with many seeds, and say what may be concluded",
    .operands = "STUDY.yaml|NAME|DIR|FILE...",
    .names = mixent_study_names,
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "A study is a recipe, variants of it (other losses, or any other options), seeds and data "
        "sets. Its runs share seeds, so variants begin with the same weights and see the same "
        "batches. They also share plans of back ends, which are copied when the study begins. The "
        "study goes into runs/NAME, with a directory per run. A finished run is never trained again: "
        "the same command goes on with an interrupted study, and you can add seeds and variants "
        "later.\n\n"
        "  mixent compare my-study.yaml                 train what is missing, then compare\n"
        "  mixent compare my-study.yaml --seeds 20      more seeds\n"
        "  mixent compare runs/my-study --no-train      compare what is finished\n\n"
        "Results of other programs are compared without a study. A file has a column 'variant', best a column 'seed', perhaps "
        "'data', and a column for each metric, or the columns 'metric' and 'value'; docs/COMPARING.md says more.\n\n"
        "  mixent compare --results runs.csv            accuracy, each variant with the first\n"
        "  mixent compare --results runs.csv --metric nll --difference 0.01\n"
        "  mixent compare --results a.jsonl.gz b.jsonl.gz --columns variant=group,seed=rng\n"
        "  mixent compare --results runs/               event files of TensorBoard, logs of Keras\n"
        "  mixent compare --results mlflow.db --columns variant=params.loss,seed=params.seed\n\n"
        "Runs that mixent.lab.record (Python) kept at the end of anybody's training are compared like a study's.\n\n"
        "  mixent compare runs/mine --baseline ce       recorded runs\n\n"
        "Many studies are many chances to see what is not there. A ledger lists the comparisons of all studies below a "
        "directory (their directories, files of 'mixent study export', recorded runs), with Holm's correction over all, and "
        "says which studies share runs.\n\n"
        "  mixent compare --ledger runs/\n\n"
        "Ctrl-C and SIGTERM let the runs save and end with 130 and 143; a second one ends at once. "
        "If a signal stops one run alone, it is saved, the others go on, and the exit code tells the "
        "signal. If a run fails, the others go on, the exit code is 1, and the next call tries it "
        "again.",
    .events = true,
    .arguments_size = sizeof(arguments),
    .run = run};
