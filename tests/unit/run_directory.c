/* run/directory.h: of several processes that begin one run, one gets it; links at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "run/directory.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define assert_ok(expression) assert_int_equal(expression, MIXENT_OK)

static char directory[64];

static int setup(void **state) {
  (void)state;
  strcpy(directory, "/tmp/mixent-test-XXXXXX");
  return !mkdtemp(directory);
}

static int teardown(void **state) {
  (void)state;
  return mixent_directory_remove(directory) != MIXENT_OK;
}

static char *in(const char *name) {
  static char paths[4][128];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

static bool fill(const mixent_run_directory *run) {
  return mixent_file_replace(run->recipe, "x", 1) == MIXENT_OK &&
         mixent_file_replace(run->last, "x", 1) == MIXENT_OK;
}

/* Begins a run and publishes it. Exit codes of the processes that race. */
enum { GOT_IT, LEFT_IT, BROKEN };

/* Whether the run that is published and locked still stands at its place. */
static bool stands(const mixent_run_directory *run) {
  struct stat held, named;
  return fstat(run->lock, &held) == 0 && stat(run->place, &named) == 0 && held.st_ino == named.st_ino &&
         mixent_is_file(run->recipe) && mixent_is_file(run->last);
}

static int race(const char *place, bool overwrite) {
  mixent_run_directory run;
  mixent_status status = mixent_run_directory_begin(place, &run);
  if (status == MIXENT_OK && !fill(&run)) status = MIXENT_ERROR_IO;
  if (status == MIXENT_OK) status = mixent_run_directory_publish(&run, overwrite);
  int code = BROKEN;
  if (status == MIXENT_OK) {
    usleep(1000); /* it is trained */
    if (stands(&run)) code = GOT_IT;
  } else if (status == MIXENT_ERROR_ARGUMENT &&
             (strstr(mixent_last_error(), "another process") || strstr(mixent_last_error(), " exists; "))) {
    code = LEFT_IT;
  }
  if (code == BROKEN) fprintf(stderr, "%s\n", mixent_last_error());
  mixent_run_directory_close(&run);
  return code;
}

enum { PLACES = 10, RACERS = 3 };

/* Three processes for each of ten runs, all of which wait for one pipe to close; counts[run][exit code]. */
static void race_together(const char *prefix, bool overwrite, int counts[PLACES][3]) {
  int gate[2];
  char byte;
  pid_t racers[PLACES * RACERS];
  assert_int_equal(pipe(gate), 0);
  memset(counts, 0, PLACES * sizeof *counts);
  for (int i = 0; i < PLACES * RACERS; i++) {
    racers[i] = fork();
    if (racers[i] != 0) continue;
    char name[32];
    close(gate[1]);
    snprintf(name, sizeof name, "%s-%d", prefix, i % PLACES);
    if (read(gate[0], &byte, 1) != 0) _exit(BROKEN);
    _exit(race(in(name), overwrite));
  }
  close(gate[0]);
  close(gate[1]);
  for (int i = 0; i < PLACES * RACERS; i++) {
    int ended;
    assert_int_equal(waitpid(racers[i], &ended, 0), racers[i]);
    assert_true(WIFEXITED(ended));
    counts[i % PLACES][WEXITSTATUS(ended)]++;
  }
}

static void assert_clean(size_t expected) {
  mixent_names names;
  assert_ok(mixent_directory_list(directory, &names));
  assert_int_equal(names.count, expected);
  mixent_names_free(&names);
}

static void test_one_process_gets_a_run(void **state) {
  (void)state;
  enum { ROUNDS = 12 };
  for (int round = 0; round < ROUNDS; round++) {
    int counts[PLACES][3];
    char prefix[16];
    snprintf(prefix, sizeof prefix, "round-%d", round);
    race_together(prefix, false, counts);
    for (int i = 0; i < PLACES; i++) {
      assert_int_equal(counts[i][GOT_IT], 1);
      assert_int_equal(counts[i][LEFT_IT], RACERS - 1);
    }
  }
  assert_clean((size_t)ROUNDS * PLACES);
}

/* One after the other may replace the run, but none that is being trained. */
static void test_a_run_is_replaced_by_one_at_a_time(void **state) {
  (void)state;
  for (int round = 0; round < 6; round++) {
    int counts[PLACES][3];
    race_together("run", true, counts);
    for (int i = 0; i < PLACES; i++) {
      assert_true(counts[i][GOT_IT] >= 1);
      assert_int_equal(counts[i][BROKEN], 0);
    }
  }
  assert_clean(PLACES);
  assert_true(mixent_is_file(in("run-0/last.safetensors")));
}

/* What a killed process left is emptied and taken. */
static void test_leftovers(void **state) {
  (void)state;
  mixent_run_directory run;
  pid_t killed = fork();
  if (killed == 0) _exit(mixent_run_directory_begin(in("run"), &run) != MIXENT_OK || !fill(&run));
  int ended;
  assert_int_equal(waitpid(killed, &ended, 0), killed);
  assert_int_equal(ended, 0);
  assert_true(mixent_is_file(in(".run.new/recipe.yaml")));
  assert_ok(mixent_run_directory_begin(in("run"), &run));
  assert_false(mixent_is_file(run.recipe));
  assert_true(fill(&run));
  assert_ok(mixent_run_directory_publish(&run, false));
  mixent_run_directory_close(&run);
  /* an old temporary file, of a process that was killed while it saved, goes when the run is resumed */
  mixent_new_file file;
  assert_ok(mixent_new_file_open(in("run/last.safetensors"), &file));
  assert_int_equal(utimensat(AT_FDCWD, file.temporary, (struct timespec[2]){{0}, {0}}, 0), 0);
  assert_ok(mixent_run_directory_open(in("run"), &run));
  assert_false(mixent_is_file(file.temporary));
  mixent_new_file_abandon(&file);
  mixent_run_directory_close(&run);
}

static void test_links(void **state) {
  (void)state;
  mixent_run_directory run;
  assert_ok(mixent_directory_make(in("disk")));
  assert_ok(mixent_directory_make(in("foreign")));
  assert_int_equal(symlink("disk/run", in("link")), 0);
  for (int i = 0; i < 2; i++) { /* made, then replaced */
    assert_ok(mixent_run_directory_begin(in("link"), &run));
    assert_true(fill(&run));
    assert_ok(mixent_run_directory_publish(&run, i == 1));
    mixent_run_directory_close(&run);
    struct stat info;
    assert_int_equal(lstat(in("link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_true(mixent_is_file(in("disk/run/recipe.yaml")));
  }
  assert_ok(mixent_file_replace(in("foreign/file"), "x", 1));
  assert_int_equal(symlink("foreign", in(".other.new")), 0);
  assert_int_equal(mixent_run_directory_begin(in("other"), &run), MIXENT_ERROR_IO);
  assert_true(mixent_is_file(in("foreign/file")));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_one_process_gets_a_run),
      TEST(test_a_run_is_replaced_by_one_at_a_time),
      TEST(test_leftovers),
      TEST(test_links),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
