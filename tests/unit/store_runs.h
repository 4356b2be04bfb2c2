/* Run directories as text files alone, for tests of the store: what is in them nobody trained. */
#ifndef MIXENT_TESTS_STORE_RUNS_H
#define MIXENT_TESTS_STORE_RUNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "lab/store/store.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char runs[] = "/tmp/mixent-test-XXXXXX";

static inline void path_of(const char *run, const char *file, char path[512]) {
  assert_true(snprintf(path, 512, "%s/%s%s%s", runs, run, *file ? "/" : "", file) < 512);
}

__attribute__((format(printf, 3, 4))) static inline void write_run_file(const char *run, const char *file,
                                                                        const char *format, ...) {
  char path[512], *text;
  va_list arguments;
  path_of(run, "", path);
  assert_int_equal(mixent_directory_make(path), MIXENT_OK);
  path_of(run, file, path);
  va_start(arguments, format);
  assert_true(mixent_print_new(&text, format, arguments) >= 0);
  va_end(arguments);
  assert_int_equal(mixent_file_replace(path, text, strlen(text)), MIXENT_OK);
  free(text);
}

static inline void add_epoch(const char *run, int epoch, double accuracy, const char *more) {
  char path[512];
  path_of(run, "metrics.jsonl", path);
  char line[512];
  mixent_print(
      line, sizeof line,
      "{\"epoch\":%d,\"validation\":{\"images\":50,\"accuracy\":%.15g},\"w1\":0.5,\"seconds\":2.5,\"best\":"
      "true%s}\n",
      epoch, accuracy, more);
  FILE *stream = fopen(path, "a");
  assert_non_null(stream);
  fputs(line, stream);
  fclose(stream);
}

/* A run that has begun. */
static inline void begin_run(const char *run, const char *loss, int seed, int epochs) {
  write_run_file(run, "recipe.yaml", "name: small\nseed: %d\nepochs: %d\nloss: {name: %s}\n", seed, epochs,
                 loss);
  write_run_file(run, "plan.yaml", "processor: \"A, or \\\"B\\\"\"\nmixent: \"0.1.0\"\n");
  write_run_file(run, "metrics.jsonl", "%s", "");
  write_run_file(run, "last.safetensors", "%s", "");
}

static inline void finish_run(const char *run, double accuracy) {
  write_run_file(
      run, "summary.json",
      "{\"recipe\":\"other\",\"best_epoch\":1,\"test\":{\"images\":100,\"accuracy\":%.15g,\"nll\":null},"
      "\"validation\":{\"accuracy\":0.75},\"versions\":{\"mixent\":\"0.2.0\"}}",
      accuracy);
}

static inline void remove_run(const char *run) {
  char path[512];
  path_of(run, "", path);
  assert_int_equal(mixent_directory_remove(path), MIXENT_OK);
}

static inline mixent_store *open_store(bool rebuild) {
  mixent_store *store;
  if (mixent_store_open(runs, rebuild, &store) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return store;
}

/* All that the store says, as one text; free(). */
static inline char *dump(mixent_store *store) {
  mixent_facts *found;
  size_t count;
  mixent_text text = {0};
  const mixent_store_query all = {0};
  if (mixent_store_find(store, &all, &found, &count) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  mixent_text_append(&text, "%zu runs\n", count);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < found[i].count; j++)
      mixent_text_append(&text, "%zu %s = %s %.17g\n", i, found[i].items[j].key,
                         found[i].items[j].text ? found[i].items[j].text : "(number)",
                         found[i].items[j].number);
  mixent_store_runs_free(found, count);
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  return text.data;
}

static inline char *open_and_dump(bool rebuild) {
  mixent_store *store = open_store(rebuild);
  if (mixent_store_warning(store)) fail_msg("%s", mixent_store_warning(store));
  char *text = dump(store);
  mixent_store_close(store);
  return text;
}

static inline void assert_like_rebuilt(void) {
  char *kept = open_and_dump(false), *anew = open_and_dump(true);
  assert_string_equal(kept, anew);
  free(kept);
  free(anew);
}

static inline int make_runs(void **state) {
  (void)state;
  return mkdtemp(runs) ? 0 : -1;
}

static inline int empty_runs(void **state) {
  (void)state;
  return mixent_directory_remove(runs) == MIXENT_OK && mkdir(runs, 0777) == 0 ? 0 : -1;
}

static inline int remove_runs(void **state) {
  (void)state;
  return mixent_directory_remove(runs) == MIXENT_OK ? 0 : -1;
}

#endif
