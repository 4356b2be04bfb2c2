/* `mixent runs`: the runs, filtered and sorted, as a table, CSV or JSON. */
#include "cli/commands.h"
#include "cli/facts.h"
#include "cli/json.h"
#include "cli/places.h"
#include "cli/terminal.h"
#include "core/printable.h"
#include "lab/store/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *runs, *sort, *columns;
  long limit;
  bool descending, json, csv, rebuild;
} arguments;

/* How a cell of the table without --columns is written. */
typedef enum form { WORD, NAME, PLAIN, EPOCHS, PERCENT, SCORE, DURATION, TIME, HIDDEN } form;

/* The columns that are shown unless others are asked for; on a narrow terminal the highest rank goes first. */
static const struct {
  const char *key, *title;
  form form;
  int rank;
} usual[] = {{"run", "run", WORD, 0},
             {"loss", "loss", WORD, 3},
             {"net", "net", NAME, 10},
             {"data", "data", NAME, 8},
             {"seed", "seed", PLAIN, 5},
             {"status", "status", WORD, 2},
             {"epochs_done", "epochs", EPOCHS, 6},
             {"epochs", NULL, HIDDEN, 0}, /* beside epochs_done */
             {"validation.accuracy", "val %", PERCENT, 4},
             {"test.accuracy", "test %", PERCENT, 1},
             {"test.nll", "NLL", SCORE, 7},
             {"test.ece", "ECE", SCORE, 11},
             {"seconds", "time", DURATION, 12},
             {"started", "when", TIME, 9}};
enum { USUAL = sizeof usual / sizeof *usual };

/* Of a path the last part. */
static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash && slash[1] ? slash + 1 : path;
}

/* Names of files come from anywhere: nothing in them moves the cursor. */
static void add_word(mixent_table *table, const char *word) {
  mixent_table_add(table, "%s", word);
  if (table->failed) return;
  for (char *letter = table->cells[table->count - 1]; *letter; letter++)
    if ((unsigned char)*letter < 0x20 || *letter == 0x7f) *letter = '?';
}

static void add_usual_cell(mixent_table *table, const mixent_facts *run, const char *key, form form) {
  const mixent_fact *fact = mixent_facts_find(run, key), *all = mixent_facts_find(run, "epochs");
  double number = fact ? fact->number : NAN;
  const char *text = fact && fact->text ? fact->text : "";
  if (form == WORD || form == NAME)
    add_word(table, !*text ? "-" : form == NAME ? name_of(text) : text);
  else if (form == TIME)
    mixent_table_add(table, "%s", mixent_local_time(text));
  else if (isnan(number))
    mixent_table_add(table, "-");
  else if (form == EPOCHS)
    mixent_table_add(table, all && isfinite(all->number) ? "%.0f/%.0f" : "%.0f/-", number,
                     all ? all->number : 0);
  else if (form == DURATION)
    mixent_table_add(table, "%s", mixent_text_duration(number));
  else
    mixent_table_add(table,
                     form == PERCENT ? "%.2f"
                     : form == SCORE ? "%.4f"
                                     : "%.0f",
                     form == PERCENT ? 100 * number : number);
}

static void print_usual_table(const mixent_facts *runs, size_t count) {
  mixent_table table = {0};
  int ranks[USUAL], width = mixent_stream_width(stdout);
  for (int j = 0; j < USUAL; j++)
    if (usual[j].form != HIDDEN) {
      form form = usual[j].form;
      table.titles[table.columns] = usual[j].title;
      table.left[table.columns] = form == WORD || form == NAME || form == TIME;
      ranks[table.columns++] = usual[j].rank;
    }
  for (size_t i = 0; i < count; i++)
    for (int j = 0; j < USUAL; j++)
      if (usual[j].form != HIDDEN) add_usual_cell(&table, &runs[i], usual[j].key, usual[j].form);
  if (width) mixent_table_fit(&table, width, ranks);
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
}

/* As the store has it: what filters compare with. */
static void print_table(const mixent_facts *runs, size_t count, const char *const *columns) {
  mixent_table table = {0};
  for (; columns[table.columns]; table.columns++) table.titles[table.columns] = columns[table.columns];
  for (size_t i = 0; i < count; i++)
    for (int j = 0; j < table.columns; j++) {
      const mixent_fact *fact = mixent_facts_find(&runs[i], columns[j]);
      char *text = mixent_fact_text(fact);
      table.left[j] |= fact->text != NULL;
      table.failed |= !text;
      add_word(&table, text && (*text || fact->text) ? text : "-");
      free(text);
    }
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
}

static void print_csv(const mixent_facts *runs, size_t count, const char *const *columns) {
  mixent_text text = {0};
  for (size_t j = 0; columns[j]; j++) mixent_csv_field_append(&text, columns[j], j == 0);
  mixent_text_append(&text, "\n");
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; columns[j]; j++) {
      char *cell = mixent_fact_text(mixent_facts_find(&runs[i], columns[j]));
      text.failed |= !cell;
      mixent_csv_field_append(&text, cell ? cell : "", j == 0);
      free(cell);
    }
    mixent_text_append(&text, "\n");
  }
  mixent_text_print(stdout, &text);
}

/* The words of --columns, or the usual keys: NULL-terminated; one free() for all. */
static mixent_status list_columns(const char *words, char ***out) {
  size_t most = strlen(words) / 2 + USUAL + 2, count = 0;
  char **list;
  MIXENT_TRY(mixent_allocate(most * sizeof *list + strlen(words) + 1, (void **)&list));
  char *text = strcpy((char *)(list + most), words);
  for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) list[count++] = word;
  for (size_t j = 0; !*words && j < USUAL; j++) list[count++] = (char *)usual[j].key;
  list[count] = NULL;
  *out = list;
  return count ? MIXENT_OK
               : mixent_fail(MIXENT_ERROR_ARGUMENT,
                             "--columns: expected names of columns with commas between them");
}

/* With --json alone NULL, for every fact there is. */
static mixent_status choose_columns(const arguments *arguments, mixent_store *store, char ***out) {
  bool all = arguments->columns && strcmp(arguments->columns, "all") == 0;
  bool table = !arguments->json && !arguments->csv;
  size_t count = 0;
  if (!arguments->columns && arguments->json) return MIXENT_OK;
  MIXENT_TRY(all ? mixent_store_keys(store, out)
                 : list_columns(arguments->columns ? arguments->columns : "", out));
  while ((*out)[count]) count++;
  if (!table || count <= MIXENT_TABLE_COLUMNS) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "--columns: %zu are more than a table has room for; --csv or --json take them", count);
}

/* What was found; the store is closed before anything is printed, for a pager may hold that up. */
typedef struct answer {
  char **columns;
  mixent_facts *runs;
  size_t count;
  bool lacks; /* runs that the system did not let be read; the others are shown all the same */
} answer;

static mixent_status ask(const arguments *arguments, mixent_store_query *query, answer *out) {
  mixent_store *store;
  MIXENT_TRY(mixent_store_open(arguments->runs, arguments->rebuild, &store));
  mixent_status status = choose_columns(arguments, store, &out->columns);
  query->columns = (const char *const *)out->columns;
  if (status == MIXENT_OK) status = mixent_store_find(store, query, &out->runs, &out->count);
  if (status == MIXENT_OK) mixent_store_warning_print(store);
  out->lacks = mixent_store_unread(store) != NULL;
  if (status == MIXENT_OK && out->lacks)
    mixent_failed(mixent_fail(MIXENT_ERROR_IO,
                              "you may not read %s; the runs in it are not listed; check the permissions",
                              mixent_store_unread(store)));
  if (status == MIXENT_OK && mixent_store_status(store) != MIXENT_OK) {
    out->lacks = true;
    mixent_failed(MIXENT_ERROR_IO);
  }
  mixent_store_close(store);
  return status;
}

static int print_runs(const arguments *arguments, const answer *answer, bool filtered) {
  const char *const *columns = (const char *const *)answer->columns;
  const mixent_facts *runs = answer->runs;
  size_t count = answer->count;
  int code = MIXENT_EXIT_DONE;
  if (arguments->json)
    for (size_t i = 0; i < count; i++) code |= mixent_json_print(mixent_facts_json(&runs[i]));
  else if (arguments->csv)
    print_csv(runs, count, columns);
  else if (!count)
    printf(filtered ? "no run in %s passes\n" : "no run in %s\n", mixent_printable(arguments->runs));
  else if (arguments->columns)
    print_table(runs, count, columns);
  else
    print_usual_table(runs, count);
  return code;
}

static int list(const arguments *arguments, mixent_store_filter *filters, int count, char **words) {
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < count && status == MIXENT_OK; i++)
    status = mixent_store_filter_parse(words[i], &filters[i]);
  mixent_store_query query = {.filters = filters,
                              .filter_count = (size_t)count,
                              .sort = arguments->sort,
                              .descending = arguments->descending,
                              .limit = (size_t)arguments->limit};
  answer answer = {0};
  if (status == MIXENT_OK) status = ask(arguments, &query, &answer);
  int code = status == MIXENT_OK ? print_runs(arguments, &answer, count > 0) : mixent_failed(status);
  if (code == MIXENT_EXIT_DONE && answer.lacks) code = MIXENT_EXIT_FAILED;
  mixent_store_runs_free(answer.runs, answer.count);
  free(answer.columns);
  return code;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  if (arguments->json && arguments->csv) return mixent_wrong_use("runs: --json or --csv, not both");
  mixent_store_filter *filters;
  mixent_status status = MIXENT_ALLOCATE(count + 1, &filters);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = list(arguments, filters, count, words);
  free(filters);
  return code;
}

static const mixent_command_option options[] = {
    {.name = "runs",
     .argument = "DIR",
     .help = "the directory of the runs",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, runs),
     .fallback = MIXENT_RUNS},
    {.name = "sort",
     .argument = "KEY",
     .help = "sort by this key; runs without it come last (default: by name)",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, sort)},
    {.name = "descending",
     .help = "the largest first",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, descending)},
    {.name = "columns",
     .argument = "KEY,KEY...|all",
     .help = "show these keys, as the filters see them",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, columns)},
    {.name = "limit",
     .argument = "N",
     .help = "list at most N runs; 0: all",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, limit),
     .fallback = "0",
     .low = 0,
     .high = 1000000000},
    {.name = "json",
     .help = "print a line of JSON per run, with every key unless --columns names some",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = "csv",
     .help = "print CSV, with a line of names first",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, csv)},
    {.name = "rebuild",
     .help = "make the index anew from the runs",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, rebuild)},
    {.name = NULL}};

const mixent_command mixent_command_runs = {
    .name = "runs",
    .summary = "List the runs, filtered and sorted",
    .operands = "[KEY=VALUE]...",
    .most_operands = -1,
    .options = options,
    .description =
        "Lists the runs that pass every filter. A filter is a key, one of = != < <= > >= ~ !~, and a "
        "value; ~ means: contains these letters. Numbers are compared as numbers. Put < and > in "
        "quotes, or the shell takes them.\n\n"
        "Keys are the options of a recipe, the scores of summary.json and result.json, and run, "
        "study, status (running, finished, interrupted, failed, damaged), epochs_done, started, "
        "changed (UTC), warnings and others. --columns all --csv shows every key.\n\n"
        "  mixent runs 'test.accuracy>0.95' --sort test.nll\n"
        "  mixent runs loss.name=min-ent 'seed<5' status=finished\n"
        "  mixent runs run~letters --columns run,loss.w2,test.accuracy --csv\n\n"
        "DIR/index.sqlite keeps what was read; only changed runs are read again. The directories are "
        "the truth: you may delete the index at any time.",
    .arguments_size = sizeof(arguments),
    .run = run};
