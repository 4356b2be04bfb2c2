/* lab/store: what it says of runs, its filters and orders, and that an index kept up to date equals one made anew. */
#include "core/random.h"
#include "unit/store_runs.h"

#include <fcntl.h>
#include <sys/file.h>

/* Facts of one run of the store, found by name. */
static mixent_facts read_run(const char *run) {
  char directory[512];
  mixent_facts facts;
  path_of(run, "", directory);
  assert_int_equal(mixent_facts_read(directory, run, &facts), MIXENT_OK);
  return facts;
}

static void assert_fact(const char *run, const char *key, const char *text) {
  mixent_facts facts = read_run(run);
  assert_string_equal(mixent_facts_text(&facts, key), text);
  mixent_facts_free(&facts);
}

static void assert_number(const char *run, const char *key, double number) {
  mixent_facts facts = read_run(run);
  const mixent_fact *fact = mixent_facts_find(&facts, key);
  assert_non_null(fact);
  assert_null(fact->text);
  assert_true(fact->number == number);
  mixent_facts_free(&facts);
}

static void assert_unknown(const char *run, const char *key) {
  mixent_facts facts = read_run(run);
  assert_null(mixent_facts_find(&facts, key));
  mixent_facts_free(&facts);
}

static void test_facts(void **state) {
  (void)state;
  begin_run("a/b-3", "min-ent", 3, 4);
  add_epoch("a/b-3", 1, 0.25, "");
  add_epoch("a/b-3", 2, 0.5, ",\"warnings\":[\"collapse: of all\",\"base-at-bound: b1\"]");
  assert_fact("a/b-3", "run", "a/b-3");
  assert_fact("a/b-3", "study", "a");
  assert_fact("a/b-3", "recipe", "small");
  assert_fact("a/b-3", "loss", "min-ent");
  assert_fact("a/b-3", "optimizer.nesterov", "true");
  assert_fact("a/b-3", "cpu", "A, or \"B\"");
  assert_fact("a/b-3", "versions.mixent", "0.1.0");
  assert_fact("a/b-3", "warnings", "collapse, base-at-bound");
  assert_fact("a/b-3", "status", "interrupted");
  assert_number("a/b-3", "seed", 3);
  assert_number("a/b-3", "optimizer.learning_rate", 0.15);
  assert_number("a/b-3", "epochs_done", 2);
  assert_number("a/b-3", "seconds", 5);
  assert_number("a/b-3", "best_epoch", 2);
  assert_number("a/b-3", "validation.accuracy", 0.5);
  assert_number("a/b-3", "last.w1", 0.5);
  finish_run("a/b-3", 0.875);
  assert_fact("a/b-3", "status", "finished");
  assert_fact("a/b-3", "recipe", "small");
  assert_fact("a/b-3", "versions.mixent", "0.2.0");
  assert_number("a/b-3", "test.accuracy", 0.875);
  assert_number("a/b-3", "validation.accuracy", 0.75);
  assert_number("a/b-3", "best_epoch", 1);
  assert_unknown("a/b-3", "test.nll");
  write_run_file(
      "a/b-3", "result.json",
      "{\"temperature\":{\"temperature\":1.5,\"found\":true},\"test\":{\"accuracy\":1,\"aurc\":0.25},"
      "\"right\":\"AAAA\",\"risk\":[1]}");
  assert_number("a/b-3", "temperature.temperature", 1.5);
  assert_number("a/b-3", "test.aurc", 0.25);
  assert_number("a/b-3", "test.accuracy", 0.875);
  assert_unknown("a/b-3", "right");
}

/* Whatever is broken, the run is shown, with words that say what. */
static void assert_damaged(const char *run, const char *words) {
  mixent_facts facts = read_run(run);
  assert_string_equal(mixent_facts_text(&facts, "status"), "damaged");
  if (!strstr(mixent_facts_text(&facts, "damage"), words))
    fail_msg("%s", mixent_facts_text(&facts, "damage"));
  mixent_facts_free(&facts);
  remove_run(run);
  begin_run(run, "ce", 0, 2);
  add_epoch(run, 1, 0.5, "");
}

static void test_damage(void **state) {
  (void)state;
  char path[512];
  begin_run("x", "ce", 0, 2);
  write_run_file("x", "recipe.yaml", "name: small\nloss: {na");
  assert_damaged("x", "recipe.yaml:");
  write_run_file("x", "recipe.yaml", "name: small\nlearnin_rate: 3\n");
  assert_damaged("x", "learnin_rate");
  write_run_file("x", "summary.json", "{\"test\":{\"accur");
  assert_damaged("x", "summary.json:1:");
  write_run_file("x", "summary.json", "{\"test\":{}}");
  assert_damaged("x", "no scores");
  write_run_file("x", "metrics.jsonl", "{\"epoch\":1}\n{\"epo\n{}\n");
  assert_damaged("x", "line 2 is damaged");
  path_of("x", "last.safetensors", path);
  unlink(path);
  assert_damaged("x", "last.safetensors is missing");
  path_of("x", "metrics.jsonl", path);
  unlink(path);
  assert_damaged("x", "metrics.jsonl");
  write_run_file("x", "plan.yaml", "a: [");
  assert_damaged("x", "plan.yaml");
  finish_run("x", 0.5);
  write_run_file("x", "result.json", "[");
  assert_damaged("x", "result.json");
  /* a line that was cut off while it was written is no damage */
  write_run_file("x", "metrics.jsonl", "{\"epoch\":1}\n{\"epo");
  assert_fact("x", "status", "interrupted");
  assert_number("x", "epochs_done", 1);
  /* nor is it that a finished run came without what only training needs */
  finish_run("x", 0.5);
  path_of("x", "last.safetensors", path);
  unlink(path);
  path_of("x", "metrics.jsonl", path);
  unlink(path);
  assert_fact("x", "status", "finished");
  assert_unknown("x", "epochs_done");
}

static void test_states(void **state) {
  (void)state;
  begin_run("x", "ce", 0, 2);
  write_run_file("x", "failure.txt", "the loss is not finite\n");
  assert_fact("x", "status", "failed");
  assert_fact("x", "failure", "the loss is not finite");
  char path[512];
  path_of("x", "", path);
  int lock = open(path, O_RDONLY | O_DIRECTORY);
  assert_int_equal(flock(lock, LOCK_EX), 0);
  assert_string_equal(mixent_store_status_now(path, "interrupted"), "running");
  assert_string_equal(mixent_store_status_now(path, "finished"), "finished");
  char *text = open_and_dump(false);
  assert_non_null(strstr(text, "status = running"));
  free(text);
  close(lock);
  text = open_and_dump(false);
  assert_non_null(strstr(text, "status = failed"));
  free(text);
}

/* The names of what passes, with spaces after each. */
static void assert_found(const char *words, const char *sort, bool descending, size_t limit,
                         const char *expected) {
  char copy[256], *rest = strcpy(copy, words);
  mixent_store_filter filters[8];
  mixent_store_query query = {.filters = filters, .sort = sort, .descending = descending, .limit = limit};
  for (char *word; (word = strsep(&rest, " ")) != NULL;)
    if (*word) assert_int_equal(mixent_store_filter_parse(word, &filters[query.filter_count++]), MIXENT_OK);
  mixent_store *store = open_store(false);
  mixent_facts *found;
  size_t count;
  char names[512] = "";
  if (mixent_store_find(store, &query, &found, &count) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  for (size_t i = 0; i < count; i++) {
    strcat(names, mixent_facts_text(&found[i], "run"));
    strcat(names, " ");
  }
  mixent_store_runs_free(found, count);
  mixent_store_close(store);
  if (strcmp(names, expected) != 0) fail_msg("%s: %s, not %s", words, names, expected);
}

static void make_four(void) {
  begin_run("ce-10", "ce", 10, 2);
  begin_run("ce-2", "ce", 2, 2);
  begin_run("study/Min-1", "min-ent", 1, 2);
  begin_run("study/mnist/min-2", "min-ent", 2, 3);
  begin_run("one/two/three/four", "ce", 0, 2); /* too deep */
  begin_run(".hidden", "ce", 0, 2);
  finish_run("ce-10", 0.5);
  finish_run("ce-2", 0.9);
  finish_run("study/Min-1", 0.09);
}

/* A study of several data sets is one. */
static void test_runs_of_a_study(void **state) {
  (void)state;
  char path[512];
  begin_run("large/mnist/min-2", "min-ent", 2, 3);
  begin_run("large/letters/min-2", "min-ent", 2, 3);
  path_of("large", "study.yaml", path);
  assert_int_equal(mixent_file_replace(path, "", 0), MIXENT_OK);
  assert_found("study=large", NULL, false, 0, "large/letters/min-2 large/mnist/min-2 ");
}

static void test_filters(void **state) {
  (void)state;
  make_four();
  assert_found("", NULL, false, 0, "ce-2 ce-10 study/Min-1 study/mnist/min-2 ");
  assert_found("", NULL, true, 0, "study/mnist/min-2 study/Min-1 ce-10 ce-2 ");
  assert_found("", "seed", false, 0, "study/Min-1 ce-2 study/mnist/min-2 ce-10 ");
  assert_found("", "test.accuracy", false, 0, "study/Min-1 ce-10 ce-2 study/mnist/min-2 ");
  assert_found("", "test.accuracy", true, 2, "ce-2 ce-10 ");
  assert_found("", "loss", true, 0, "study/Min-1 study/mnist/min-2 ce-2 ce-10 ");
  assert_found("seed<3", NULL, false, 0, "ce-2 study/Min-1 study/mnist/min-2 ");
  assert_found("seed>=2 seed<=10", NULL, false, 0, "ce-2 ce-10 study/mnist/min-2 ");
  assert_found("seed=2.0 loss=ce", NULL, false, 0, "ce-2 ");
  assert_found("seed!=2", NULL, false, 0, "ce-10 study/Min-1 ");
  assert_found("test.accuracy>0.1", NULL, false, 0, "ce-2 ce-10 ");
  assert_found("test.accuracy!=0.5", NULL, false, 0, "ce-2 study/Min-1 ");
  assert_found("status!=finished", NULL, false, 0, "study/mnist/min-2 ");
  assert_found("run~MIN", NULL, false, 0, "study/Min-1 study/mnist/min-2 ");
  assert_found("run!~min", NULL, false, 0, "ce-2 ce-10 ");
  assert_found("seed~0", NULL, false, 0, "ce-10 ");
  assert_found("study=study", NULL, false, 0, "study/Min-1 ");
  assert_found("study=study/mnist", NULL, false, 0, "study/mnist/min-2 ");
  assert_found("started>2020 started<2999-12-31", NULL, false, 1, "ce-2 ");
  assert_found("loss=ce'--", NULL, false, 0, "");
  assert_found("warnings=", NULL, false, 0, "");
}

static void test_wrong_questions(void **state) {
  (void)state;
  make_four();
  static const char *const wrong[] = {"", "ce", "=ce", "loss!ce", "~x"};
  mixent_store_filter filter;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(mixent_store_filter_parse(wrong[i], &filter), MIXENT_ERROR_ARGUMENT);
  static const char *const near[][2] = {{"loss.nam", "did you mean 'loss.name'?"},
                                        {"learning_rate", "here it is 'optimizer.learning_rate'"},
                                        {"test.acuracy", "did you mean 'test.accuracy'?"},
                                        {"validation.imagse", "did you mean 'validation.images'?"}};
  mixent_store *store = open_store(false);
  mixent_facts *found;
  size_t count;
  for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
    const mixent_store_query query = {.sort = near[i][0]};
    assert_int_equal(mixent_store_find(store, &query, &found, &count), MIXENT_ERROR_ARGUMENT);
    if (!strstr(mixent_last_error(), near[i][1])) fail_msg("%s", mixent_last_error());
  }
  static const char *const senseless[] = {"seed=two", "test.accuracy>95%", "seed==2", "test.accuracy<=0,9"};
  for (size_t i = 0; i < sizeof senseless / sizeof *senseless; i++) {
    assert_int_equal(mixent_store_filter_parse(senseless[i], &filter), MIXENT_OK);
    const mixent_store_query query = {.filters = &filter, .filter_count = 1};
    assert_int_equal(mixent_store_find(store, &query, &found, &count), MIXENT_ERROR_ARGUMENT);
    if (!strstr(mixent_last_error(), "is no number, and")) fail_msg("%s", mixent_last_error());
  }
  static const char *const columns[] = {"run", "test.accuracy", "run", NULL};
  const mixent_store_query query = {.columns = columns, .descending = true, .limit = 1};
  assert_int_equal(mixent_store_find(store, &query, &found, &count), MIXENT_OK);
  assert_int_equal(count, 1);
  assert_int_equal(found[0].count, 2);
  assert_string_equal(found[0].items[0].text, "study/mnist/min-2");
  assert_true(isnan(found[0].items[1].number));
  mixent_store_runs_free(found, count);
  mixent_store_close(store);
  assert_int_equal(mixent_store_open("/nonexistent/runs", false, &store), MIXENT_ERROR_IO);
  char path[512];
  path_of("ce-2", "", path);
  assert_int_equal(mixent_store_open(path, false, &store), MIXENT_ERROR_ARGUMENT);
}

/* Anything that can happen to a directory of runs. */
static void change(const mixent_random *random, uint64_t step) {
  static const char *const names[] = {"a-0",   "a-1",     "a-10",        "s/a-0",
                                      "s/b-1", "s/t/a-0", "s/t/ä \"1\"", "u/a-0"};
  static const char *const losses[] = {"ce", "min-ent", "kl"};
  uint32_t words[4];
  char path[512], other[512];
  mixent_random_block(random, step, 0, words);
  const char *name = names[words[0] % 8];
  path_of(name, "", path);
  if (!mixent_is_directory(path)) {
    begin_run(name, losses[words[1] % 3], (int)(words[2] % 5), 3);
    return;
  }
  double accuracy = mixent_uniform_double(words[2], words[3]);
  path_of(names[words[2] % 8], "", other);
  switch (words[1] % 10) {
  case 0: remove_run(name); break;
  case 1: finish_run(name, accuracy); break;
  case 2: write_run_file(name, "recipe.yaml", "seed: %d\nnam", (int)(words[3] % 9)); break;
  case 3: write_run_file(name, "recipe.yaml", "name: small\nseed: %d\n", (int)(words[3] % 9)); break;
  case 4: write_run_file(name, "metrics.jsonl", "%s", ""); break;
  case 5: write_run_file(name, "failure.txt", "of %u\n", words[3]); break;
  case 6: write_run_file(name, "result.json", "{\"test\":{\"auroc\":%.15g}}", accuracy); break;
  case 7: rename(path, other); break; /* fails where a run stands, or into itself */
  default: add_epoch(name, 1, accuracy, "");
  }
}

static void test_index_equals_rebuild(void **state) {
  (void)state;
  enum { ROUNDS = 40, CHANGES = 4 };
  mixent_random random = mixent_random_stream(1, "test", "store");
  for (uint64_t step = 0; step < ROUNDS * CHANGES; step++) {
    change(&random, step);
    if (step % CHANGES)
      free(open_and_dump(false));
    else
      assert_like_rebuilt();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_facts, empty_runs),
                                     cmocka_unit_test_setup(test_damage, empty_runs),
                                     cmocka_unit_test_setup(test_states, empty_runs),
                                     cmocka_unit_test_setup(test_runs_of_a_study, empty_runs),
                                     cmocka_unit_test_setup(test_filters, empty_runs),
                                     cmocka_unit_test_setup(test_wrong_questions, empty_runs),
                                     cmocka_unit_test_setup(test_index_equals_rebuild, empty_runs)};
  return cmocka_run_group_tests(tests, make_runs, remove_runs);
}
