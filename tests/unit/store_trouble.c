/* lab/store in trouble: a damaged index, one that cannot be written, processes at once, processes that are killed. */
#include "core/random.h"
#include "unit/store_runs.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { RUNS = 24 };

static void make_many(void) {
  char name[64];
  for (int i = 0; i < RUNS; i++) {
    snprintf(name, sizeof name, "%s-%d", i % 3 ? "study/ce" : "ce", i);
    begin_run(name, "ce", i, 2);
    add_epoch(name, 1, i / 100.0, "");
    if (i % 2) finish_run(name, i / 50.0);
  }
}

static void write_index(const char *bytes, size_t size) {
  char path[512];
  path_of("index.sqlite", "", path);
  assert_int_equal(mixent_file_replace(path, bytes, size), MIXENT_OK);
}

/* Whatever stands in the file, the runs are told right, and afterwards the file is right again. */
static void assert_survives(const char *bytes, size_t size, const char *expected, bool told) {
  write_index(bytes, size);
  mixent_store *store = open_store(false);
  if (told) assert_non_null(mixent_store_warning(store));
  if (told) assert_non_null(strstr(mixent_store_warning(store), "index-damaged: "));
  char *text = dump(store);
  assert_string_equal(text, expected);
  free(text);
  mixent_store_close(store);
  free(open_and_dump(false)); /* without a warning */
}

static void test_damaged_index(void **state) {
  (void)state;
  make_many();
  char *expected = open_and_dump(false), *whole, path[512];
  size_t size;
  path_of("index.sqlite", "", path);
  assert_int_equal(mixent_file_read(path, 1 << 26, &whole, &size), MIXENT_OK);
  assert_survives("", 0, expected, false);
  assert_survives("no database at all, but a text", 30, expected, true);
  path_of("index.sqlite.damaged", "", path);
  assert_true(mixent_is_file(path));
  for (size_t part = 1; part < 8; part++) assert_survives(whole, size * part / 8, expected, true);
  mixent_random random = mixent_random_stream(1, "test", "damage");
  for (uint64_t i = 0; i < 24; i++) { /* a piece of 512 bytes is noise */
    char *copy = malloc(size);
    uint32_t words[4];
    memcpy(copy, whole, size);
    mixent_random_block(&random, i, 1000, words);
    size_t place = words[0] % (size - 512) / 512 * 512;
    if (place < 512) place = 0;
    for (size_t j = 0; j < 512; j += 16) {
      mixent_random_block(&random, i, j, words);
      memcpy(copy + place + j, words, 16);
    }
    assert_survives(copy, size, expected, false);
    free(copy);
  }
  assert_like_rebuilt();
  free(whole);
  free(expected);
}

static void test_index_that_cannot_be(void **state) {
  (void)state;
  make_many();
  char *expected = open_and_dump(false), path[512];
  path_of("index.sqlite", "", path);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkdir(path, 0777), 0);
  for (int rebuild = 0; rebuild < 2; rebuild++) {
    mixent_store *store = open_store(rebuild);
    assert_non_null(strstr(mixent_store_warning(store), "index-unused: "));
    char *text = dump(store);
    assert_string_equal(text, expected);
    free(text);
    mixent_store_close(store);
  }
  free(expected);
}

/* A process that opens the store over and over, and says with 0 that nothing was wrong with it. */
static pid_t start_reader(int times, bool rebuild) {
  pid_t child = fork();
  if (child) return child;
  const mixent_store_query all = {0};
  for (int i = 0; i < times; i++) {
    mixent_store *store;
    mixent_facts *found;
    size_t count;
    if (mixent_store_open(runs, rebuild && i % 4 == 0, &store) != MIXENT_OK) _exit(1);
    if (mixent_store_warning(store)) _exit(2);
    if (mixent_store_find(store, &all, &found, &count) != MIXENT_OK) _exit(3);
    if (count != RUNS) _exit(4);
    mixent_store_runs_free(found, count);
    mixent_store_close(store);
  }
  _exit(0);
}

static void test_processes_at_once(void **state) {
  (void)state;
  enum { READERS = 4, TIMES = 25 };
  make_many();
  pid_t readers[READERS];
  for (int i = 0; i < READERS; i++) readers[i] = start_reader(TIMES, i == 0);
  for (int i = 0; i < 3 * TIMES; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s-%d", i % RUNS % 3 ? "study/ce" : "ce", i % RUNS);
    add_epoch(name, 2, i / 100.0, "");
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
  }
  for (int i = 0; i < READERS; i++) {
    int status;
    assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
    assert_int_equal(status, 0);
  }
  assert_like_rebuilt();
}

/* Two processes that find the same damage at once: one puts the file aside, the other's new one stays. */
static void test_damage_found_twice(void **state) {
  (void)state;
  make_many();
  char *expected = open_and_dump(false);
  for (int i = 0; i < 6; i++) {
    write_index("no database at all", 18);
    pid_t readers[2] = {start_reader(1, false), start_reader(1, false)};
    for (int j = 0; j < 2; j++) {
      int status;
      assert_int_equal(waitpid(readers[j], &status, 0), readers[j]);
      assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
    }
    char *text = open_and_dump(false);
    assert_string_equal(text, expected);
    free(text);
  }
  free(expected);
}

static void test_killed(void **state) {
  (void)state;
  enum { KILLS = 30 };
  make_many();
  mixent_random random = mixent_random_stream(1, "test", "kill");
  for (uint64_t i = 0; i < KILLS; i++) {
    uint32_t words[4];
    mixent_random_block(&random, i, 0, words);
    pid_t child = start_reader(1000000, true);
    nanosleep(&(struct timespec){.tv_nsec = 1000000 + words[0] % 40000000}, NULL);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    free(open_and_dump(false));
  }
  assert_like_rebuilt();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_damaged_index, empty_runs),
                                     cmocka_unit_test_setup(test_index_that_cannot_be, empty_runs),
                                     cmocka_unit_test_setup(test_processes_at_once, empty_runs),
                                     cmocka_unit_test_setup(test_damage_found_twice, empty_runs),
                                     cmocka_unit_test_setup(test_killed, empty_runs)};
  return cmocka_run_group_tests(tests, make_runs, remove_runs);
}
