/* io/plan_file and train/plan_source: a plan comes back as it was written, lies are refused with their place, and only a
 * plan that was made for just this is taken unasked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/file.h"
#include "net/plan/choices.h"
#include "net/plan/tune.h"
#include "train/plan_source.h"
#include <stdlib.h>
#include <string.h>

static const char network[] = "name: two\n"
                              "layers:\n"
                              "  - conv2d: {name: a, channels: 4, kernel: 3, padding: 1}\n"
                              "  - relu:\n"
                              "  - conv2d: {name: b, channels: 4, kernel: 1}\n"
                              "  - relu:\n"
                              "  - flatten:\n"
                              "  - linear: {name: out, features: classes}\n";
enum { BATCH = 4 };
static const mixent_net_options options = {.batch = BATCH, .precision = MIXENT_FP32, .training = true};
static char directory[] = "/tmp/mixent-test-XXXXXX";

static void assert_ok(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

static mixent_graph *open_graph(const char *text) {
  mixent_graph *graph;
  const mixent_graph_options shape = {.channels = 1, .side = 16, .classes = 3, .dropout = -1};
  assert_ok(mixent_graph_parse(text, "test", &shape, &graph));
  return graph;
}

/* The table's plan of the network, as text; free(). */
static char *table_text(const mixent_graph *graph) {
  mixent_net *net;
  mixent_plan_key key;
  mixent_plan_file *file;
  mixent_text text = {0};
  assert_ok(mixent_net_create(graph, &options, &net));
  assert_ok(mixent_plan_key_make(graph, BATCH, MIXENT_FP32, &key));
  assert_ok(mixent_plan_file_of(net, &key, &file));
  mixent_plan_file_text(file, &text);
  assert_ok(mixent_text_status(&text));
  mixent_plan_file_free(file);
  mixent_net_free(net);
  return text.data;
}

/* The text with the first `from` replaced; free(). */
static char *exchange(const char *text, const char *from, const char *to) {
  const char *at = strstr(text, from);
  mixent_text out = {0};
  if (!at) fail_msg("no '%s' in:\n%s", from, text);
  mixent_text_append(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  assert_ok(mixent_text_status(&out));
  return out.data;
}

static char *place(const char *name) {
  char *path = mixent_path_join(directory, name);
  assert_non_null(path);
  return path;
}

static void test_round_trip(void **state) {
  (void)state;
  mixent_graph *graph = open_graph(network);
  mixent_tune_result result;
  mixent_plan_file *again;
  mixent_text text = {0}, second = {0};
  char hash[MIXENT_PLAN_HASH], other[MIXENT_PLAN_HASH];
  assert_ok(mixent_tune(
      graph, &(mixent_tune_options){.batch = BATCH, .precision = MIXENT_FP32, .repetitions = 2}, &result));
  assert_int_equal(result.plan->count, 5); /* the first layer needs no gradient of its input */
  for (size_t i = 0; i < result.plan->count; i++) {
    const mixent_plan_entry *entry = &result.plan->entries[i];
    assert_true(entry->time_count >= 1 && mixent_plan_entry_time(entry, entry->backend));
    assert_true(mixent_plan_entry_time(entry, entry->table)->milliseconds > 0);
    if (strcmp(entry->layer, "b") == 0) /* 1x1: no Winograd */
      assert_in_range(entry->time_count, 1, 2);
  }
  mixent_plan_file_text(result.plan, &text);
  assert_ok(mixent_plan_file_parse(text.data, text.length, "t", &again));
  assert_true(mixent_plan_key_equal(&result.plan->key, &again->key));
  mixent_plan_file_text(again, &second);
  assert_string_equal(text.data, second.data);
  mixent_plan_file_hash(result.plan, hash);
  mixent_plan_file_hash(again, other);
  assert_string_equal(hash, other);
  mixent_text_free(&text);
  mixent_text_free(&second);
  mixent_plan_file_free(again);
  mixent_plan_file_free(result.plan);
  mixent_graph_free(graph);
}

static void test_lies(void **state) {
  (void)state;
  static const struct {
    const char *from, *to, *said;
  } lies[] = {{"processor:", "procesor:", "did you mean 'processor'?"},
              {"batch: 4", "batch: many", "t:12:1: batch: expected a whole number"},
              {"batch: 4", "batch: -4", "batch: expected a whole number from 1 to"},
              {"batch: 4\n", "", "'batch' is missing"},
              {"net: two", "net: []", "net: expected a text"},
              {"channels: 1", "channels: 1\nchannels: 1", "given twice"},
              {"layers:", "layers: {a: b}\nlayer:", "layer"},
              {"pass: forward", "pass: sideways", "pass: expected one of forward, backward weights"},
              {"pass: forward", "pass: [forward]", "pass: expected one of"},
              {"backend: ", "backend: \"x y\", old: ", "unknown 'old'"},
              {"backend: ", "backend: \"x y\", table: ", "backend: expected a name"},
              {"layer: a", "layer: \"\"", "layer: expected a name"},
              {"layer: a, pass: forward", "layer: b, pass: forward", "is given twice, first in line"},
              {"{layer: a", "{milliseconds: 3, layer: a", "milliseconds: expected a time for each back end"},
              {"{layer: a", "{milliseconds: {x: fast}, layer: a", "x: expected a number"},
              {"{layer: a", "{milliseconds: {x: nan}, layer: a", "x: expected a number"}};
  mixent_graph *graph = open_graph(network);
  char *text = table_text(graph), name[300];
  mixent_plan_file *file;
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    char *lie = exchange(text, lies[i].from, lies[i].to);
    assert_int_equal(mixent_plan_file_parse(lie, strlen(lie), "t", &file), MIXENT_ERROR_FORMAT);
    assert_null(file);
    if (strncmp(mixent_last_error(), "t:", 2) != 0 || !strstr(mixent_last_error(), lies[i].said))
      fail_msg("%s: '%s' expected", mixent_last_error(), lies[i].said);
    free(lie);
  }
  memset(name, 'n', sizeof name);
  memcpy(name, "net: ", 5);
  name[sizeof name - 1] = 0;
  char *lie = exchange(text, "net: two", name);
  assert_int_equal(mixent_plan_file_parse(lie, strlen(lie), "t", &file), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "net: longer than"));
  free(lie);
  for (size_t length = 0; length < strlen(text) - 2;
       length++) { /* cut anywhere: refused, or shorter by whole lines */
    if (mixent_plan_file_parse(text, length, "t", &file) == MIXENT_OK)
      assert_true(file->count < 5 || text[length] == '\n');
    mixent_plan_file_free(file);
  }
  free(text);
  mixent_graph_free(graph);
}

/* The plan that `wanted` comes to; the caller frees nothing. */
static mixent_status take(const mixent_graph *graph, const char *wanted, mixent_plan_source *source) {
  mixent_net *net;
  mixent_status status = mixent_plan_source_net(graph, &options, wanted, source, &net);
  mixent_net_free(net);
  return status;
}

static void test_plans_by_name(void **state) {
  (void)state;
  mixent_graph *graph = open_graph(network),
               *other = open_graph("name: other\nlayers:\n  - conv2d: {channels: 4, kernel: 1}\n"
                                   "  - flatten:\n  - linear: {features: classes}\n");
  mixent_plan_source table, source;
  char *text = table_text(graph), *path = place("named.yaml");
  assert_ok(take(graph, "table", &table));
  assert_string_equal(table.plan, "table");
  assert_ok(take(graph, "winograd-2", &source));
  assert_string_equal(source.plan, "winograd-2");
  assert_string_not_equal(source.hash, table.hash);
  assert_int_equal(take(other, "winograd-2", &source), MIXENT_ERROR_ARGUMENT); /* can compute nothing there */
  assert_int_equal(take(graph, "onedn", &source), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "did you mean 'onednn'?"));
  assert_int_equal(take(graph, "nowhere.yaml", &source), MIXENT_ERROR_IO);

  char *changed = exchange(text, "batch: 4", "batch: 8");
  assert_ok(mixent_file_replace(path, changed, strlen(changed)));
  assert_ok(take(graph, path, &source)); /* asked for by name it is taken, and what differs is told */
  assert_string_equal(source.plan, path);
  assert_string_equal(source.hash, table.hash);
  assert_string_equal(source.differences, "batch 8, not 4");
  assert_int_equal(take(other, path, &source), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "network two, not other"));
  free(changed);

  changed = exchange(text, "backend: ", "backend: abacus, table: ");
  assert_ok(mixent_file_replace(path, changed, strlen(changed)));
  assert_int_equal(take(graph, path, &source), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(),
                         "named.yaml:16:5: layer a, forward: no back end 'abacus' for it here; "
                         "there is onednn, "));
  free(changed);
  changed = exchange(text, "layer: a", "layer: c");
  assert_ok(mixent_file_replace(path, changed, strlen(changed)));
  assert_int_equal(take(graph, path, &source), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "layer c, forward: there is no choice"));
  free(changed);
  free(text);
  free(path);
  mixent_graph_free(other);
  mixent_graph_free(graph);
}

/* The cached plan is taken if it was measured for just this, and among just these back ends. */
static void test_cached_plans(void **state) {
  (void)state;
  mixent_graph *graph = open_graph(network);
  mixent_tune_result result;
  mixent_plan_source table, source;
  mixent_plan_key key;
  mixent_text text = {0};
  assert_int_equal(setenv("XDG_CACHE_HOME", directory, 1), 0);
  assert_ok(mixent_plan_key_make(graph, BATCH, MIXENT_FP32, &key));
  char *path = mixent_plan_cache_path(&key), *plans = place("mixent/plans");
  assert_ok(mixent_directory_make(plans));
  assert_ok(take(graph, "auto", &table));
  assert_string_equal(table.plan, "table");
  assert_ok(mixent_tune(
      graph, &(mixent_tune_options){.batch = BATCH, .precision = MIXENT_FP32, .repetitions = 1}, &result));
  mixent_plan_entry *first = &result.plan->entries[0];
  const char *wanted = strcmp(first->table, "onednn") == 0 ? "winograd-2" : "onednn";
  free(first->backend);
  first->backend = strdup(wanted);
  assert_ok(mixent_plan_file_write(result.plan, path));
  assert_ok(take(graph, "auto", &source));
  assert_string_equal(source.plan, path);
  assert_string_not_equal(source.hash, table.hash);

  mixent_plan_file_text(result.plan, &text);
  static const char *const changes[][2] = {{"batch: 4", "batch: 8"},
                                           {"onednn: 0.", "abacus: 0."},
                                           {"onednn: \"", "onednn: \"9"},
                                           {"layer: b", "layer: c"}};
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    if (!strstr(text.data, changes[i][0])) continue; /* a back end that took a millisecond */
    char *changed = exchange(text.data, changes[i][0], changes[i][1]);
    assert_ok(mixent_file_replace(path, changed, strlen(changed)));
    assert_ok(take(graph, "auto", &source));
    assert_string_equal(source.plan, "table");
    assert_string_equal(source.hash, table.hash);
    free(changed);
  }
  assert_ok(mixent_file_replace(path, "{", 1));
  assert_int_equal(take(graph, "auto", &source), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "remove it, or go without it by --plan table"));
  mixent_text_free(&text);
  mixent_plan_file_free(result.plan);
  free(path);
  free(plans);
  mixent_graph_free(graph);
}

static int make_directory(void **state) {
  (void)state;
  return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
  (void)state;
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_lies),
      cmocka_unit_test(test_plans_by_name),
      cmocka_unit_test(test_cached_plans),
  };
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
