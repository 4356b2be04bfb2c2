/* Whether the files of a run's line tell of one run: every number of summary.json that recipe.yaml and metrics.jsonl give as
 * well is worked out again. result.json is compared with summary.json, and with itself, where it is read (lab/result). */
#include "core/yaml.h"
#include "lab/study/import.h"
#include "run/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The last epoch is scored in training's batches and the kept model in its own: sums differ in their last bits, and an image on
 * the edge may fall to the other side. */
static const double near_sum = 1e-6, near_score = 1e-3;
enum { EDGE_IMAGES = 3 };

typedef struct checking {
  const mixent_import *import;
  const mixent_imported_run *run;
  mixent_recipe recipe; /* the run's */
  const json_t *summary;
  json_int_t epoch, best_epoch; /* read so far; the best of them as `select` says */
  double best_rank, best_nll;
  double images, seconds; /* of training */
  json_t *best;           /* the line of the best epoch */
} checking;

/* "FILE:LINE: " before the message there is; what is wrong is the file, unless it is the memory. */
mixent_status mixent_import_fail(const mixent_import *import, size_t line, mixent_status status) {
  return mixent_fail(status == MIXENT_ERROR_MEMORY ? status : MIXENT_ERROR_FORMAT, "%s:%zu: %s",
                     import->origin, line, mixent_last_error());
}

#define FAIL(checking, ...) fail_run(checking, mixent_fail(MIXENT_ERROR_FORMAT, __VA_ARGS__))
static mixent_status fail_run(const checking *checking, mixent_status status) {
  return mixent_import_fail(checking->import, checking->run->line, status);
}

static bool is_near(double a, double b, double rounding) {
  return fabs(a - b) <= rounding * (1 + fabs(b));
}

/* null is NaN, as what is missing. */
static double number_of(const json_t *json, const char *key) {
  const json_t *value = json_object_get(json, key);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

/* What recipe.yaml says of the run. */
static mixent_status check_options(const checking *checking) {
  static const char *const keys[][2] = {
      {"seed", "seed"},       {"loss", "loss.name"},      {"epochs", "epochs"},
      {"batch", "batch"},     {"select", "select"},       {"precision", "precision"},
      {"threads", "threads"}, {"plan_hash", "plan_hash"}, {"test_views", "test.views"}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const json_t *value = json_object_get(checking->summary, keys[i][0]);
    if (!value && i > 2) continue; /* summaries of older versions lack some */
    mixent_text said = {0}, was = {0};
    mixent_option_write(mixent_option_find(keys[i][1]), &checking->recipe, &said);
    if (json_is_string(value))
      mixent_yaml_word_write(json_string_value(value), &was);
    else
      mixent_text_append(&was, "%lld", (long long)json_integer_value(value));
    mixent_status status = mixent_text_status(said.failed ? &said : &was);
    if (status == MIXENT_OK && strcmp(said.data, was.data) != 0)
      status = FAIL(checking, "summary.json: %s is %s, but %s is %s in recipe.yaml", keys[i][0], was.data,
                    keys[i][1], said.data);
    mixent_text_free(&said);
    mixent_text_free(&was);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

/* The scores of a part against one another: without smoothing the NLL is the first term, the entropy is the second, and the cross entropy with
 * the predictions is H + KL. Of images that are trained on it need not be so: they may be mixed, have teachers, or count twice. */
static mixent_status check_scores(const checking *checking, const json_t *scores, const char *origin,
                                  const char *part) {
  const double terms[][2] = {
      {number_of(scores, "nll"), checking->recipe.smoothing > 0 ? NAN : number_of(scores, "ce1")},
      {number_of(scores, "entropy"), number_of(scores, "h")},
      {number_of(scores, "ce2"), number_of(scores, "h") + number_of(scores, "kl")}};
  static const char *const words[] = {"nll and ce1", "entropy and h", "ce2 and h + kl"};
  if (mixent_scores_check(scores, origin, part) != MIXENT_OK) return fail_run(checking, MIXENT_ERROR_FORMAT);
  for (size_t i = 0; i < 3 && strcmp(part, "train") != 0; i++)
    if (fabs(terms[i][0] - terms[i][1]) > near_sum * (1 + fabs(terms[i][1])))
      return FAIL(checking, "%s: %s of the %s part: expected one value, got %g and %g", origin, words[i],
                  part, terms[i][0], terms[i][1]);
  return MIXENT_OK;
}

/* Whether this epoch is to be kept; takes note of it. As is_best of train/trainer.c. */
static bool take_best(checking *checking, json_t *line) {
  const json_t *scores =
      json_object_get(line, checking->recipe.select == MIXENT_SELECT_TEST ? "test" : "validation");
  const char *key = mixent_option_find("select_by")->choices[checking->recipe.select_by];
  double nll = number_of(scores, "nll"), rank = strcmp(key, "nll") == 0 ? -nll : number_of(scores, key);
  json_int_t each = checking->recipe.epochs / checking->recipe.members; /* each member has a best one */
  if (each < 1) each = 1;
  bool best = (checking->epoch - 1) % each == 0 || !json_is_object(scores) ||
              checking->recipe.select == MIXENT_SELECT_LAST || rank > checking->best_rank ||
              (rank == checking->best_rank && nll < checking->best_nll);
  if (!best) return false;
  json_int_t taught = checking->recipe.distill_members * each;
  if (checking->epoch > taught && checking->epoch <= taught + each)
    checking->best_epoch =
        checking->epoch; /* an ensemble has the first one's, of those that teach no others */
  checking->best_rank = rank, checking->best_nll = nll;
  json_decref(checking->best);
  checking->best = json_incref(line);
  return true;
}

static mixent_status check_epoch(checking *checking, json_t *line) {
  static const char *const parts[] = {"train", "validation", "test"};
  json_int_t epoch = ++checking->epoch, step = json_integer_value(json_object_get(line, "step"));
  if (json_integer_value(json_object_get(line, "epoch")) != epoch)
    return FAIL(checking, "metrics.jsonl does not count its epochs");
  for (size_t i = 0; i < 3; i++)
    MIXENT_TRY(check_scores(checking, json_object_get(line, parts[i]), "metrics.jsonl", parts[i]));
  double images = number_of(json_object_get(line, "train"), "images");
  if ((double)step * (double)checking->recipe.batch != (double)epoch * images)
    return FAIL(
        checking,
        "metrics.jsonl: epoch %lld ends with step %lld of %ld images, but %.0f images were trained on "
        "in each",
        (long long)epoch, (long long)step, checking->recipe.batch, images);
  checking->images += images;
  checking->seconds += number_of(line, "seconds");
  bool best = take_best(checking, line);
  if (best != json_is_true(json_object_get(line, "best")))
    return FAIL(checking, "metrics.jsonl: epoch %lld is %sthe best so far, but 'best' says otherwise",
                (long long)epoch, best ? "" : "not ");
  return MIXENT_OK;
}

static mixent_status check_epochs(checking *checking, const char *text) {
  for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
    json_t *line;
    mixent_status status =
        mixent_json_parse(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, "metrics.jsonl", &line);
    if (status != MIXENT_OK) return fail_run(checking, status);
    status = check_epoch(checking, line);
    json_decref(line);
    MIXENT_TRY(status);
  }
  if (*text || checking->epoch != checking->recipe.epochs)
    return FAIL(checking, "metrics.jsonl has other epochs than summary.json");
  json_int_t said = json_integer_value(json_object_get(checking->summary, "best_epoch"));
  if (said != checking->best_epoch)
    return FAIL(checking, "summary.json: best_epoch is %lld, but %lld is the best in metrics.jsonl",
                (long long)said, (long long)checking->best_epoch);
  return MIXENT_OK;
}

/* The scores of the kept model against those of its epoch. */
static mixent_status check_part(const checking *checking, const char *part) {
  static const char *const keys[] = {"accuracy", "nll", "brier", "entropy", "loss", "ce1", "h", "ce2", "kl"};
  const json_t *said = json_object_get(checking->summary, part),
               *epoch = json_object_get(checking->best, part);
  if (json_is_object(said) != json_is_object(epoch) ||
      (json_is_object(said) && number_of(said, "images") != number_of(epoch, "images")))
    return FAIL(checking, "summary.json: its %s part has other images than in metrics.jsonl", part);
  /* epochs are scored by one view, of one member */
  if (!json_is_object(said) || checking->recipe.test_views > 1 || checking->recipe.members > 1)
    return MIXENT_OK;
  double edge = EDGE_IMAGES / number_of(said, "images");
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    double a = number_of(said, keys[i]), b = number_of(epoch, keys[i]);
    if (isnan(a) && isnan(b)) continue;
    if (!(i == 0 ? fabs(a - b) <= edge * (1 + near_sum) : is_near(a, b, near_score)))
      return FAIL(checking, "summary.json: %s of the %s part is %g, but %g in epoch %lld of metrics.jsonl",
                  keys[i], part, a, b, (long long)checking->best_epoch);
  }
  return MIXENT_OK;
}

static mixent_status check_times(const checking *checking) {
  double seconds = number_of(checking->summary, "seconds"),
         speed = number_of(checking->summary, "images_per_second");
  if (!is_near(seconds, checking->seconds, near_sum))
    return FAIL(checking, "summary.json: seconds is %g, but %g in all in metrics.jsonl", seconds,
                checking->seconds);
  if (!is_near(speed * seconds, checking->images, near_sum))
    return FAIL(checking, "summary.json: images_per_second is %g, but %g by metrics.jsonl", speed,
                checking->images / seconds);
  return MIXENT_OK;
}

static mixent_status check(checking *checking, const char *metrics) {
  MIXENT_TRY(check_options(checking));
  MIXENT_TRY(check_scores(checking, json_object_get(checking->summary, "test"), "summary.json", "test"));
  MIXENT_TRY(
      check_scores(checking, json_object_get(checking->summary, "validation"), "summary.json", "validation"));
  MIXENT_TRY(check_epochs(checking, metrics));
  MIXENT_TRY(check_part(checking, "validation"));
  if (checking->recipe.select == MIXENT_SELECT_TEST) MIXENT_TRY(check_part(checking, "test"));
  return check_times(checking);
}

static const char *text_of(const mixent_imported_run *run, const char *file) {
  return json_string_value(json_object_get(run->json, file));
}

mixent_status mixent_import_check_run(const mixent_import *import, const mixent_imported_run *run) {
  checking checking = {.import = import, .run = run};
  const char *text = text_of(run, "summary.json");
  json_t *summary;
  mixent_status status = mixent_json_parse(text, strlen(text), 0, "summary.json", &summary);
  if (status != MIXENT_OK) return fail_run(&checking, status);
  checking.summary = summary;
  status = mixent_recipe_parse(text_of(run, "recipe.yaml"), "recipe.yaml", "run", NULL, 0, &checking.recipe);
  if (status != MIXENT_OK)
    status = fail_run(&checking, status);
  else if (!json_is_object(summary))
    status = FAIL(&checking, "summary.json: expected a JSON object");
  else
    status = check(&checking, text_of(run, "metrics.jsonl"));
  json_decref(checking.best);
  json_decref(summary);
  return status;
}
