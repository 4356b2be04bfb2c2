/* The ledger as a terminal shows it, and as JSON. */
#include "core/json.h"
#include "core/layout.h"
#include "core/printable.h"
#include "lab/compare/number.h"
#include "lab/ledger/ledger.h"

#include <math.h>
#include <string.h>

static void add_verdict(mixent_verdict verdict, mixent_reason reason, mixent_table *table) {
  mixent_table_add(table, "%s%s%s", mixent_verdict_name(verdict), reason ? ": " : "",
                   reason ? mixent_reason_name(reason) : "");
}

static bool is_changed(const mixent_ledger_entry *entry) {
  return entry->verdict != entry->all.verdict || entry->scope != entry->all.scope;
}

/* Of another margin the verdict may be another one, though the runs are the same. */
static bool is_repeated(const mixent_ledger *ledger, size_t index) {
  const mixent_ledger_entry *entry = &ledger->entries[index], *first = &ledger->entries[entry->same_as];
  return entry->same_as < index && entry->all.verdict == first->all.verdict;
}

static void add_entry(const mixent_ledger *ledger, size_t index, mixent_table *table) {
  const mixent_ledger_entry *entry = &ledger->entries[index];
  const mixent_difference *difference = &entry->difference.difference;
  mixent_table_add(table, "%s", ledger->studies[entry->study].name);
  mixent_table_add(table, "%s", entry->data);
  mixent_table_add(table, "%s", entry->variant);
  mixent_table_add(table, "%s", entry->baseline);
  const char *unit = strcmp(entry->unit, "%") == 0 ? "points" : entry->unit;
  mixent_table_add(table, "%s%s%s", mixent_number_signed(entry->scale * difference->mean, entry->digits).text,
                   *unit && !isnan(difference->mean) ? " " : "", isnan(difference->mean) ? "" : unit);
  mixent_table_add(table, "%s", mixent_number_p(difference->p).text);
  mixent_table_add(table, "%s", mixent_number_p(entry->difference.holm).text);
  mixent_table_add(table, "%s", mixent_number_p(entry->all_holm).text);
  add_verdict(entry->verdict, entry->reason, table);
  if (is_repeated(ledger, index))
    mixent_table_add(table, "as in %s", ledger->studies[ledger->entries[entry->same_as].study].name);
  else if (!is_changed(entry))
    mixent_table_add(table, "the same");
  else if (entry->verdict == entry->all.verdict)
    mixent_table_add(table, "on these alone");
  else
    add_verdict(entry->all.verdict, entry->all.reason, table);
}

static size_t count_repeated(const mixent_ledger *ledger) {
  size_t count = 0;
  for (size_t i = 0; i < ledger->entry_count; i++) count += ledger->entries[i].same_as < i;
  return count;
}

static void append_changed(const mixent_ledger *ledger, mixent_text *out) {
  size_t count = 0;
  for (size_t i = 0; i < ledger->entry_count; i++) {
    const mixent_ledger_entry *entry = &ledger->entries[i];
    if (is_repeated(ledger, i) || !is_changed(entry)) continue;
    if (!count) mixent_text_append(out, " By the correction over all the verdict changes of: ");
    mixent_text_append_item(out, count++, "%s against %s in %s", entry->variant, entry->baseline,
                            ledger->studies[entry->study].name);
  }
  mixent_text_append(out, count ? "." : " By the correction over all no verdict changes.");
}

static void append_shared(const mixent_ledger *ledger, mixent_text *out) {
  for (size_t i = 0; i < ledger->shared_count; i++) {
    const mixent_ledger_shared *shared = &ledger->shared[i];
    if (!i)
      mixent_text_append(out, " Studies that share runs (the same recipe, seed and scores, to the byte): ");
    mixent_text_append_item(out, i, "%s and %s %zu", ledger->studies[shared->studies[0]].name,
                            ledger->studies[shared->studies[1]].name, shared->runs);
  }
  if (ledger->shared_count) mixent_text_append(out, ".");
}

static void append_words(const mixent_ledger *ledger, mixent_text *out) {
  size_t repeated = count_repeated(ledger);
  mixent_text_append(out, "%zu %s, %zu comparison%s. ", ledger->study_count,
                     ledger->study_count == 1 ? "study" : "studies", ledger->entry_count,
                     ledger->entry_count == 1 ? "" : "s");
  if (repeated)
    mixent_text_append(out, "%zu of them compare the same runs as another study does, and count once. ",
                       repeated);
  mixent_text_append(out, "Holm's correction over all counts the %zu that have a p value.", ledger->tested);
  append_changed(ledger, out);
  append_shared(ledger, out);
  mixent_text_append(
      out,
      " Not in the ledger: comparisons whose studies are gone, other metrics, and choices that were made by "
      "looking.");
}

void mixent_ledger_append_text(const mixent_ledger *ledger, mixent_text *out) {
  mixent_text words = {0};
  mixent_table table = {.columns = 10,
                        .titles = {"study", "data", "variant", "against", "difference", "p", "Holm p",
                                   "over all", "verdict", "over all"},
                        .left = {true, true, true, true, [8] = true, [9] = true}};
  for (size_t i = 0; i < ledger->entry_count; i++) add_entry(ledger, i, &table);
  mixent_table_append(&table, out);
  mixent_table_free(&table);
  append_words(ledger, &words);
  mixent_text_append(out, "\n");
  if (mixent_text_status(&words) == MIXENT_OK)
    mixent_wrapped_append(out, 0, 0, mixent_printable(words.data));
  else
    out->failed = 1;
  mixent_text_free(&words);
}

static json_t *verdict_json(mixent_verdict verdict, mixent_scope scope, mixent_reason reason) {
  return json_pack("{s:s, s:s?, s:s?}", "verdict", mixent_verdict_name(verdict), "scope",
                   mixent_scope_name(scope), "reason", mixent_reason_name(reason));
}

static json_t *entry_json(const mixent_ledger *ledger, size_t index) {
  const mixent_ledger_entry *entry = &ledger->entries[index];
  const mixent_difference *difference = &entry->difference.difference;
  json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "study", (json_int_t)entry->study,
                           "data", entry->data, "variant", entry->variant, "baseline", entry->baseline,
                           "metric", entry->metric, "seeds", (json_int_t)entry->all.seeds, "alone",
                           verdict_json(entry->verdict, entry->scope, entry->reason), "over_all",
                           verdict_json(entry->all.verdict, entry->all.scope, entry->all.reason), "same_as",
                           entry->same_as < index ? json_integer((json_int_t)entry->same_as) : json_null());
  const struct {
    const char *key;
    double value;
  } numbers[] = {{"mean", difference->mean},         {"low", difference->low},
                 {"high", difference->high},         {"p", difference->p},
                 {"holm", entry->difference.holm},   {"holm_over_all", entry->all_holm},
                 {"p_like", entry->all.bootstrap.p}, {"holm_like_over_all", entry->all.bootstrap_holm}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    mixent_json_set(&json, numbers[i].key, mixent_json_number(numbers[i].value));
  return json;
}

json_t *mixent_ledger_to_json(const mixent_ledger *ledger) {
  json_t *studies = json_array(), *entries = json_array(), *shared = json_array();
  mixent_text words = {0};
  for (size_t i = 0; i < ledger->study_count; i++)
    mixent_json_append(&studies,
                       json_pack("{s:o, s:o, s:I}", "name", mixent_json_text(ledger->studies[i].name), "path",
                                 mixent_json_text(ledger->studies[i].path), "runs",
                                 (json_int_t)ledger->studies[i].runs));
  for (size_t i = 0; i < ledger->entry_count; i++) mixent_json_append(&entries, entry_json(ledger, i));
  for (size_t i = 0; i < ledger->shared_count; i++)
    mixent_json_append(&shared,
                       json_pack("{s:[I, I], s:I}", "studies", (json_int_t)ledger->shared[i].studies[0],
                                 (json_int_t)ledger->shared[i].studies[1], "runs",
                                 (json_int_t)ledger->shared[i].runs));
  append_words(ledger, &words);
  json_t *json = json_pack("{s:o, s:o, s:o, s:I, s:o}", "studies", studies, "comparisons", entries, "shared",
                           shared, "tested", (json_int_t)ledger->tested, "words",
                           words.failed ? NULL : mixent_json_text(words.data));
  mixent_text_free(&words);
  return json;
}
