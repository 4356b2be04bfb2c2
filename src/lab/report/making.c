/* What went wrong or is missing, and how to make all of it again. */
#include "core/json.h"
#include "core/locale.h"
#include "lab/report/page.h"
#include "lab/results/sources.h"
#include "lab/study/directory.h"
#include "lab/study/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls `each` for every run that was asked for. */
static void for_runs(const mixent_section *section, size_t data,
                     void (*each)(const mixent_report_run *run, void *context), void *context) {
  const mixent_report *report = section->report;
  for (size_t v = 0; v < report->variant_count; v++)
    for (size_t s = 0; s < report->seed_count; s++) {
      const mixent_report_run *run = mixent_report_run_of(report, data, v, s);
      if (run->path) each(run, context);
    }
}

static void write_item(mixent_text *out, const char *name, const char *text) {
  mixent_text_append(out, "<li><code>");
  mixent_html_text(out, name);
  mixent_text_append(out, "</code> ");
  mixent_html_text(out, text);
  mixent_text_append(out, "</li>\n");
}

static void write_warnings(const mixent_report_run *run, void *out) {
  for (size_t i = 0; i < run->warning_count; i++) write_item(out, run->name, run->warnings[i]);
}

static void write_missing(const mixent_report_run *run, void *out) {
  if (run->message) write_item(out, run->name, run->message);
}

static void write_list(const mixent_section *section, const char *title, const mixent_text *items) {
  mixent_text *out = section->out;
  size_t count = 0;
  for (const char *at = items->data; (at = strstr(at, "<li>")); at++) count++;
  mixent_text_append(out, "<details%s><summary>%s: %zu</summary><ul class=\"messages\">\n",
                     count <= 12 ? " open" : "", title, count);
  mixent_text_append_bytes(out, items->data, items->length);
  mixent_text_append(out, "</ul></details>\n");
}

mixent_status mixent_section_warnings(const mixent_section *section) {
  mixent_text warnings = {0}, missing = {0};
  for_runs(section, section->data, write_warnings, &warnings);
  for_runs(section, section->data, write_missing, &missing);
  section->out->failed |= warnings.failed | missing.failed;
  if (warnings.data || missing.data) {
    mixent_section_begin(section, "warnings", "What went wrong");
    if (missing.data) write_list(section, "Runs that are not finished", &missing);
    if (warnings.data) write_list(section, "Warnings of the monitor during training", &warnings);
    mixent_section_end(section);
  }
  mixent_text_free(&warnings);
  mixent_text_free(&missing);
  return mixent_text_status(section->out);
}

/* Facts of the runs that are shown, with every value that they have. */
static const struct {
  const char *title, *key;
} shown[] = {{"recipe", "recipe"},         {"data", "data"},      {"network", "net"},
             {"parameters", "parameters"}, {"epochs", "epochs"},  {"batch", "batch"},
             {"precision", "precision"},   {"processor", "cpu"},  {"instructions", "instructions"},
             {"threads", "threads"},       {"plan", "plan_hash"}, {"mixent", "versions.mixent"},
             {"oneDNN", "versions.onednn"}};

typedef struct values {
  const char *key;
  json_t *seen; /* value as text: how many runs */
} values;

static void add_value(const mixent_report_run *run, void *context) {
  values *values = context;
  const mixent_fact *fact = mixent_facts_find(&run->facts, values->key);
  if (!fact || (!fact->text && isnan(fact->number))) return;
  char number[32];
  mixent_print(number, sizeof number, "%.15g", fact->number);
  const char *text = fact->text ? fact->text : number;
  json_int_t count = json_integer_value(json_object_get(values->seen, text));
  mixent_json_set(&values->seen, text, json_integer(count + 1));
}

static void write_fact(const mixent_section *section, const char *title, const char *key) {
  values values = {key, json_object()};
  mixent_text *out = section->out;
  for (size_t d = 0; d < section->report->data_count; d++) for_runs(section, d, add_value, &values);
  const char *text, *before = "";
  json_t *count;
  if (!values.seen) out->failed = 1; /* no memory, or a damaged file's text */
  if (json_object_size(values.seen)) mixent_text_append(out, "<dt>%s</dt><dd>", title);
  json_object_foreach(values.seen, text, count) {
    mixent_text_append(out, "%s", before);
    mixent_html_text(out, text);
    if (json_object_size(values.seen) > 1)
      mixent_text_append(out, " <small>(%lld run%s)</small>", (long long)json_integer_value(count),
                         json_integer_value(count) == 1 ? "" : "s");
    before = "<br>";
  }
  if (json_object_size(values.seen)) mixent_text_append(out, "</dd>\n");
  json_decref(values.seen);
}

static void write_file(mixent_text *out, const char *title, const char *name, const char *text) {
  mixent_text_append(out, "<details><summary>%s", title);
  if (name) {
    mixent_text_append(out, " <code>");
    mixent_html_text(out, name);
    mixent_text_append(out, "</code>");
  }
  mixent_text_append(out, "</summary><pre>");
  for (const char *line = text; *line;) { /* line breaks are kept, other control characters are not */
    size_t length = strcspn(line, "\n");
    char *copy;
    if (mixent_copy_start(line, length, &copy) != MIXENT_OK) {
      out->failed = 1;
      break;
    }
    mixent_html_text(out, copy);
    free(copy);
    line += length;
    if (*line) line++, mixent_text_append(out, "\n");
  }
  mixent_text_append(out, "</pre></details>\n");
}

/* recipe.yaml of the variant's first run. */
static void write_recipe(const mixent_section *section, size_t variant) {
  for (size_t d = 0; d < section->report->data_count; d++)
    for (size_t s = 0; s < section->report->seed_count; s++) {
      const mixent_report_run *run = mixent_report_run_of(section->report, d, variant, s);
      if (!run->recipe) continue;
      write_file(section->out, "every option of", run->name, run->recipe);
      return;
    }
}

static void write_run_command(const mixent_report_run *run, void *context) {
  mixent_recipe recipe;
  mixent_text command = {0}, *out = context;
  mixent_status status =
      run->recipe ? mixent_recipe_parse(run->recipe, run->path, NULL, NULL, 0, &recipe) : MIXENT_ERROR_FORMAT;
  if (status == MIXENT_OK) status = mixent_recipe_command(&recipe, run->path, &command);
  if (status == MIXENT_ERROR_MEMORY) out->failed = 1;
  if (status == MIXENT_OK) {
    mixent_html_text(out, command.data);
    mixent_text_append(out, "\n");
  }
  mixent_text_free(&command);
}

/* Whether the seeds are 0, 1, 2 …, as --seeds makes them. */
static bool are_first(const long *seeds, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (seeds[i] != (long)i) return false;
  return true;
}

static void write_seeds(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text_append(section->out, "<dt>seeds</dt><dd>");
  for (size_t i = 0; i < report->seed_count; i++)
    mixent_text_append_item(section->out, i, "%ld", report->seeds[i]);
  mixent_text_append(section->out, "</dd>\n");
}

static void write_commands(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out;
  mixent_text_append(out, "<pre class=\"command\">");
  if (report->study) {
    mixent_text_append(out, "mixent compare ");
    mixent_html_text(out, report->study->name);
    mixent_text_append(out, ".yaml --threads %ld", mixent_study_threads(report->study));
    if (are_first(report->seeds, report->seed_count))
      mixent_text_append(out, " --seeds %zu", report->seed_count);
    mixent_text_append(out, "\nmixent report runs/");
    mixent_html_text(out, report->study->name);
    mixent_text_append(out, "\n");
  } else
    for (size_t d = 0; d < report->data_count; d++) for_runs(section, d, write_run_command, out);
  mixent_text_append(out, "</pre>\n");
}

/* What the seeds vary, and what each factor brings where the study crosses them. */
static mixent_status write_vary(const mixent_section *section) {
  const mixent_study *study = section->report->study;
  mixent_text *out = section->out, words = {0}, table = {0};
  mixent_study_results results = {0};
  mixent_study_vary_append_text(study, &words);
  mixent_status status = mixent_text_status(&words);
  if (status == MIXENT_OK) {
    mixent_text_append(out, "<p class=\"note\">");
    mixent_html_text(out, words.data);
    mixent_text_append(out, "</p>\n");
  }
  if (status == MIXENT_OK && study->vary.crossed) {
    status = mixent_study_results_read(study, &results);
    if (status == MIXENT_OK) mixent_study_variance_append_text(study, results.variance, &table);
    if (status == MIXENT_OK) status = mixent_text_status(&table);
    if (status == MIXENT_OK) {
      mixent_text_append(out, "<pre>");
      mixent_html_text(out, table.data);
      mixent_text_append(out, "</pre>\n");
    }
    mixent_study_results_free(&results);
  }
  mixent_text_free(&words);
  mixent_text_free(&table);
  return status;
}

/* Of results: the files are not ours to make again. */
static mixent_status write_results(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out, words = {0};
  mixent_section_begin(section, "making", "Where it is from");
  const char *metric = report->comparison->input.measures[report->comparison->input.primary].name;
  mixent_results_append_sources(report->from->table, report->from->layout, metric, &words);
  if (words.data) {
    mixent_text_append(out, "<p class=\"note\">");
    mixent_html_text(out, words.data);
    mixent_text_append(out, "</p>\n");
  }
  out->failed |= words.failed;
  mixent_text_free(&words);
  mixent_text_append(out, "<pre class=\"command\">");
  mixent_html_text(out, report->from->command);
  mixent_text_append(out, "</pre>\n");
  mixent_section_end(section);
  return mixent_text_status(out);
}

mixent_status mixent_section_making(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out;
  if (report->asked) return write_results(section);
  mixent_section_begin(section, "making", "Make it again");
  mixent_text_append(
      out,
      "<p class=\"note\">With the same build, processor, threads and plan, the same bits come out.</p>\n");
  write_commands(section);
  if (report->study) {
    MIXENT_TRY(write_vary(section));
    mixent_text name = {0};
    mixent_text_append(&name, "%s.yaml", report->study->name);
    out->failed |= name.failed;
    if (name.data) write_file(out, "the study,", name.data, report->study->text);
    mixent_text_free(&name);
  }
  for (size_t v = 0; v < report->variant_count; v++) write_recipe(section, v);
  mixent_text_append(out, "<dl class=\"facts\">\n");
  if (report->study) write_seeds(section);
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) write_fact(section, shown[i].title, shown[i].key);
  mixent_text_append(out, "</dl>\n");
  mixent_section_end(section);
  return mixent_text_status(out);
}
