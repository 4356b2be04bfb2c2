/* What the results were read from, in words and as JSON. */
#include "lab/results/sources.h"
#include "core/json.h"
#include "core/layout.h"
#include "lab/results/compare.h"

#include <stdlib.h>
#include <string.h>

static bool is_first(const mixent_results *results, size_t source) {
  for (size_t i = 0; i < source; i++)
    if (results->readers[i] == results->readers[source]) return false;
  return true;
}

/* Whether all was tables that name their variants: there is nothing to say of those. */
static bool is_plain(const mixent_results *results) {
  static const char *const readers[] = {"CSV", "JSON Lines", "NumPy", "recorded runs"};
  size_t plain = 0;
  for (size_t i = 0; i < results->sources.count; i++)
    for (size_t j = 0; j < sizeof readers / sizeof *readers; j++)
      plain += strcmp(results->readers[i], readers[j]) == 0;
  return plain == results->sources.count && !results->has_names && !results->has_epochs &&
         !results->passed_over.count;
}

/* "Read: TensorBoard (6), CSV (1)." */
static void append_readers(const mixent_results *results, mixent_text *out) {
  size_t named = 0;
  mixent_text_append(out, "Read: ");
  for (size_t i = 0; i < results->sources.count; i++) {
    size_t count = 0;
    if (!is_first(results, i)) continue;
    for (size_t j = i; j < results->sources.count; j++) count += results->readers[j] == results->readers[i];
    mixent_text_append_item(out, named++, "%s (%zu)", results->readers[i], count);
  }
  mixent_text_append(out, ".");
}

static void append_passed_over(const mixent_results *results, mixent_text *out) {
  enum { MOST_NAMED = 3 };
  size_t count = results->passed_over.count;
  if (!count) return;
  mixent_text_append(out, " Passed over, because no column is the variant, the run or an epoch: ");
  for (size_t i = 0; i < count && i < MOST_NAMED; i++)
    mixent_text_append_item(out, i, "%s", results->passed_over.items[i]->text);
  if (count > MOST_NAMED) mixent_text_append(out, " and %zu more", count - MOST_NAMED);
  mixent_text_append(out, ".");
}

void mixent_results_append_sources(const mixent_results *results, const mixent_results_layout *layout,
                                   const char *metrics, mixent_text *out) {
  if (is_plain(results)) return;
  append_readers(results, out);
  if (results->has_names)
    mixent_text_append(
        out,
        " Where no column has them, variant and seed are from the names of runs, files or directories: VARIANT-SEED, "
        "VARIANT_seedN, VARIANT/seedN (--columns).");
  if (results->has_epochs && layout->best)
    mixent_text_append(out, " Of each log the epoch counts where %s is best.", layout->best);
  else if (results->has_epochs)
    mixent_text_append(out, " Of each log the last epoch counts (--epoch).");
  if (layout->best && mixent_results_is_listed(metrics, layout->best))
    mixent_text_append(
        out,
        " Warning: the epoch was chosen by %s itself, which flatters every run, most of all the noisy ones.",
        layout->best);
  if (results->unfinished)
    mixent_text_append(out, " Runs that their tracker has as not finished: %zu; their values do not count.",
                       results->unfinished);
  if (results->cut_off)
    mixent_text_append(
        out,
        " Event files that end within a record: %zu; their writers were stopped, or still write, and what stands before "
        "counts.",
        results->cut_off);
  append_passed_over(results, out);
}

json_t *mixent_results_sources_to_json(const mixent_results *results, const mixent_results_layout *layout,
                                       const char *metrics) {
  json_t *files = json_array(), *passed = json_array(), *json = json_object();
  mixent_text words = {0}, epoch = {0};
  for (size_t i = 0; i < results->sources.count; i++)
    mixent_json_append(&files,
                       json_pack("{s:o, s:s}", "path", mixent_json_text(results->sources.items[i]->text),
                                 "reader", results->readers[i]));
  for (size_t i = 0; i < results->passed_over.count; i++)
    mixent_json_append(&passed, mixent_json_text(results->passed_over.items[i]->text));
  mixent_results_append_sources(results, layout, metrics, &words);
  mixent_text_append(&epoch, layout->best ? "best:%s" : "last%s", layout->best ? layout->best : "");
  mixent_json_set(&json, "files", files);
  mixent_json_set(&json, "passed_over", passed);
  mixent_json_set(&json, "epoch", results->has_epochs ? mixent_json_text(epoch.data) : json_null());
  mixent_json_set(&json, "unfinished", json_integer((json_int_t)results->unfinished));
  mixent_json_set(&json, "words", words.failed ? NULL : mixent_json_text(words.data ? words.data : ""));
  mixent_text_free(&words);
  mixent_text_free(&epoch);
  return json;
}
