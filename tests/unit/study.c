/* lab/study: a study read from YAML, its runs in order, its directory made, opened and joined, what is told of its
 * processes. Training and what interrupts it: tests/cli/test_compare.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "io/plan_file.h"
#include "lab/study/file.h"
#include "lab/study/train.h"
#include "small_run.h"
#include "train/plan_source.h"
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static mixent_status write_plan(const mixent_recipe *recipe, const mixent_study_shape *shape,
                                mixent_text *out) {
  return mixent_recipe_plan_write(recipe, shape->channels, shape->side, shape->classes, out);
}
static const mixent_study_planner planner = {.check = mixent_recipe_check_network, .plan = write_plan};

static const char text[] = "name: losses\n"
                           "about: what it asks\n"
                           "recipe: demo\n"
                           "seeds: [3, 1]\n"
                           "set: {net: vgg5, optimizer: {momentum: 0.5}, loss.w1: 2}\n"
                           "data: [mnist, ./own/letters/]\n"
                           "baseline: ce\n"
                           "difference: 0.25\n"
                           "variants:\n"
                           "  mix-ent: {loss: {name: mix-ent, learn: [w1, b2]}, optimizer: {momentum: 0.7}}\n"
                           "  ce:\n"
                           "  table: {plan: table}\n";

static mixent_study *parse(const char *yaml) {
  mixent_study *study;
  if (mixent_study_parse(yaml, "t.yaml", NULL, &study) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return study;
}

static void test_what_the_file_says(void **state) {
  (void)state;
  mixent_study *study = parse(text);
  mixent_recipe recipe;
  assert_string_equal(study->name, "losses");
  assert_string_equal(study->about, "what it asks");
  assert_true(study->seed_count == 2 && study->seeds[0] == 3 && study->seeds[1] == 1);
  assert_true(study->difference == 0.25 && study->baseline == 1 && study->variant_count == 3);
  assert_true(study->data_count == 2 && study->data_listed);
  assert_string_equal(study->data[1], "./own/letters/");
  assert_string_equal(study->data_names[1], "letters");
  assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){1, 0, 1}, &recipe), MIXENT_OK);
  assert_string_equal(recipe.name, "demo");
  assert_string_equal(recipe.data, "./own/letters/");
  assert_string_equal(recipe.net, "vgg5");
  assert_true(recipe.seed == 1 && recipe.momentum == 0.7 && recipe.learning_rate == 0.1);
  assert_true(recipe.learn[0] && !recipe.learn[1] && recipe.learn[MIXENT_LOSS_PARTS + 1]);
  assert_true(recipe.w[0] == 2 && recipe.w[1] == 0.1); /* set, and the loss's own */
  assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){0, 1, 0}, &recipe), MIXENT_OK);
  assert_true(recipe.momentum == 0.5 && recipe.seed == 3);
  mixent_study_free(study);
}

/* A shared option serves the variants whose loss has it; one that serves none, or a variant's own that it does not use, is an
 * error. The stored copy of a study is taken as it is. */
static void test_options_without_effect(void **state) {
  (void)state;
  static const struct {
    const char *set, *variant, *message;
  } cases[] = {{"loss: {w2: 0.3}", "loss: {name: ce}", NULL},
               {"loss: {max_interval: 3}", "", NULL},
               {"loss: {focal_gamma: 3}", "", "t:4:1: set: no variant uses it: loss.focal_gamma"},
               {"", "loss: {name: ce, w1: 2}", "two: loss.w1: the loss 'ce' does not use it"},
               {"loss: {learn: w1 w3}", "loss: {name: mix-ent-split}",
                "one: loss.learn: the loss 'min-ent' cannot learn"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char yaml[300];
    mixent_study *study;
    mixent_run_settings settings;
    snprintf(
        yaml, sizeof yaml,
        "name: a\nrecipe: demo\nseeds: 2\nset: {%s}\nvariants: {one: {loss: {name: min-ent}}, two: {%s}}",
        cases[i].set, cases[i].variant);
    mixent_status status = mixent_study_parse(yaml, "t", NULL, &study);
    if ((status == MIXENT_OK) != !cases[i].message ||
        (cases[i].message && !strstr(mixent_last_error(), cases[i].message)))
      fail_msg("%s: %s", yaml, status == MIXENT_OK ? "taken" : mixent_last_error());
    mixent_study_free(study);
    assert_int_equal(mixent_study_parse(yaml, "t", "batch: 20", &study), MIXENT_OK);
    assert_int_equal(mixent_study_settings(study, (mixent_study_cell){.variant = 1}, &settings), MIXENT_OK);
    for (size_t k = 0; k < settings.count; k++) assert_string_not_equal(settings.items[k].key, "loss.w2");
    free(settings.items);
    mixent_study_free(study);
  }
}

/* What `vary` says of the seeds of a run's recipe: of the run with seed 7, the second one. */
static void test_vary(void **state) {
  (void)state;
  static const struct {
    const char *vary, *set;
    long seed, init, split, noise; /* -1 of init: that of seed */
  } cases[] = {{"", "noise.fraction: 0.1", 7, -1, 7, 7},
               {"", "", 7, -1, 7, 1},
               {"", "noise.fraction: 0.1, validation.seed: 3", 7, -1, 3, 7},
               {"", "init.seed: 5", 7, 5, 7, 1},
               {"vary: [init, order]", "noise.fraction: 0.1", 7, -1, 1, 1},
               {"vary: [order, split]", "", 7, 0, 7, 1},
               {"vary: [init]", "", 0, 7, 1, 1},
               {"vary: [noise]", "noise.fraction: 0.1", 0, -1, 1, 7}};
  static const struct {
    const char *vary, *set, *message;
  } wrong[] = {{"vary: [int]", "", "t:4:8: vary: expected init, order, split or noise, got 'int'"},
               {"vary: [init, init]", "", "t:4:14: vary: init is given twice"},
               {"vary: []", "", "vary: expected a list"},
               {"vary: init", "", "vary: expected a list"},
               {"vary: {init: 1, split: 2}", "", "init: expected a whole number from 2"},
               {"vary: {init: 3}", "", "vary: expected levels of two factors or more"},
               {"vary: {init: 200, split: 200}", "", "at most 10000 combinations"},
               {"vary: {init: 2, split: 2}", "", "seeds: 'vary' gives levels"},
               {"vary: [noise]", "", "vary: noise has no effect in any variant: no label is changed"},
               {"vary: [split]", "validation.fraction: 0",
                "vary: split has no effect in any variant: all images are trained on"},
               {"vary: [init, split]", "validation.seed: 3", "split varies, but validation.seed is set"}};
  mixent_study *study;
  mixent_recipe recipe;
  char yaml[400];
#define STUDY "name: a\nrecipe: demo\nseeds: [1, 7]\n%s\nset: {%s}\nvariants: {one: {loss.name: ce}}\n"
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(yaml, sizeof yaml, STUDY, cases[i].vary, cases[i].set);
    study = parse(yaml);
    assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){.seed = 1}, &recipe), MIXENT_OK);
    if (recipe.seed != cases[i].seed || recipe.init_seed != cases[i].init ||
        recipe.validation_seed != cases[i].split || recipe.noise_seed != cases[i].noise)
      fail_msg("%s %s: %ld %ld %ld %ld", cases[i].vary, cases[i].set, recipe.seed, recipe.init_seed,
               recipe.validation_seed, recipe.noise_seed);
    assert_int_equal(mixent_study_compared(study), 2);
    mixent_study_free(study);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf(yaml, sizeof yaml, STUDY, wrong[i].vary, wrong[i].set);
    assert_int_equal(mixent_study_parse(yaml, "t", NULL, &study), MIXENT_ERROR_FORMAT);
    if (!strstr(mixent_last_error(), wrong[i].message)) fail_msg("%s: %s", yaml, mixent_last_error());
  }
#undef STUDY
  /* a study of an old format varies what they all did */
  study = parse("{name: a, recipe: demo, seeds: [1, 7], set: {noise.fraction: 0.1}, variants: {one: {}}}");
  for (int format = 1; format <= 3; format++) {
    study->state = json_pack("{s:i}", "format", format);
    assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){.seed = 1}, &recipe), MIXENT_OK);
    long other = format < 3 ? 1 : 7;
    assert_true(recipe.seed == 7 && recipe.validation_seed == other && recipe.noise_seed == other);
    json_decref(study->state);
    study->state = NULL;
  }
  mixent_study_free(study);
}

/* A run for each combination of levels; those that share none come first. */
static void test_crossed(void **state) {
  (void)state;
  mixent_study *study =
      parse("{name: a, recipe: demo, vary: {init: 3, order: 2, split: 2}, variants: {one: {}}}");
  assert_true(study->seed_count == 12 && mixent_study_compared(study) == 2);
  assert_true(study->seeds[0] == 0 && study->seeds[1] == 10 && study->seeds[2] == 1);
  bool seen[3][2][2] = {0};
  for (size_t s = 0; s < 12; s++) {
    mixent_recipe recipe;
    assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){.seed = s}, &recipe), MIXENT_OK);
    assert_true(recipe.init_seed < 3 && recipe.seed < 2 && recipe.validation_seed < 2);
    bool *here = &seen[recipe.init_seed][recipe.seed][recipe.validation_seed];
    assert_false(*here);
    *here = true;
    if (s < 2) assert_true(recipe.init_seed == recipe.seed && recipe.seed == recipe.validation_seed);
  }
  mixent_text words = {0};
  mixent_study_vary_append(study, &words);
  assert_string_equal(words.data, "init (3), order (2), split (2)");
  mixent_text_free(&words);
  mixent_study_free(study);
}

static void test_what_it_leaves_out(void **state) {
  (void)state;
  mixent_study *study = parse("{name: a, recipe: demo, seeds: 12, variants: {one: {}}}");
  assert_true(study->seed_count == 12 && study->seeds[11] == 11);
  assert_true(study->baseline == 0 && study->difference == 0.1 && !*study->about);
  assert_true(study->data_count == 1 && !study->data_listed);
  assert_string_equal(study->data_names[0], "emnist-letters");
  mixent_recipe recipe; /* the recipe's other choice of data is still open */
  assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){0, 0, 5}, &recipe), MIXENT_OK);
  assert_string_equal(recipe.data_alternative, "fashion-mnist");
  mixent_study_free(study);
}

static void test_runs_go_seed_by_seed(void **state) {
  (void)state;
  static const char *const names[] = {"mnist/mix-ent-3",   "mnist/ce-3",   "mnist/table-3",
                                      "letters/mix-ent-3", "letters/ce-3", "letters/table-3",
                                      "mnist/mix-ent-1",   "mnist/ce-1",   "mnist/table-1",
                                      "letters/mix-ent-1", "letters/ce-1", "letters/table-1"};
  mixent_study *study = parse(text);
  assert_int_equal(mixent_study_run_count(study), 12);
  for (size_t i = 0; i < 12; i++) {
    char *name = mixent_study_run_name(study, mixent_study_cell_at(study, i));
    assert_string_equal(name, names[i]);
    free(name);
  }
  assert_int_equal(mixent_study_add_seed(study, 3), MIXENT_OK);
  assert_int_equal(mixent_study_add_seed(study, 9), MIXENT_OK);
  assert_int_equal(mixent_study_run_count(study), 18);
  mixent_study_free(study);
}

static void test_built_in_studies_are_right(void **state) {
  (void)state;
  size_t count = 0;
  for (const char *const *name = mixent_study_names(); *name; name++, count++) {
    mixent_study *study;
    assert_true(mixent_study_is_builtin(*name));
    if (mixent_study_read(*name, &study) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    assert_string_equal(study->name, *name);
    mixent_study_free(study);
  }
  assert_true(count >= 1);
}

/* A study in `directory` on small data, "%s" being more variants. */
static mixent_study *parse_small(const char *directory, const char *more) {
  char yaml[4096];
  snprintf(yaml, sizeof yaml,
           "name: small\nrecipe: demo\nseeds: 2\nset: {data: %s/data, net: %s/small.yaml, batch: 20, "
           "precision: fp32}\n"
           "variants:\n  ce: {loss: {name: ce}}\n  wide: {batch: 30}\n%s",
           directory, directory, more);
  return parse(yaml);
}

static char *plan_path(const mixent_study *study, size_t variant) {
  char *path = mixent_study_plan_path(study, (mixent_study_cell){.variant = variant});
  assert_non_null(path);
  return path;
}

static void test_a_directory(void **state) {
  (void)state;
  char directory[] = "/tmp/mixent-study-XXXXXX", cell[64];
  int lock, second;
  assert_non_null(mkdtemp(directory));
  assert_true(small_run_make(directory, 4));
  snprintf(cell, sizeof cell, "%s/runs/small", directory);
  mixent_study *study = parse_small(directory, ""), *other;
  if (mixent_study_begin(study, &planner, cell, 2, &lock) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  bool found;
  assert_int_equal(mixent_study_look(cell, &found), MIXENT_OK);
  assert_true(found && mixent_study_threads(study) == 2);
  assert_int_equal(mixent_study_lock(cell, &second), MIXENT_ERROR_ARGUMENT);
  close(lock);

  /* each batch has a plan of its own, made for two threads */
  char *plans[] = {plan_path(study, 0), plan_path(study, 1)};
  assert_string_not_equal(plans[0], plans[1]);
  for (long i = 0; i < 2; i++) {
    mixent_plan_file *plan;
    assert_int_equal(mixent_plan_file_read(plans[i], &plan), MIXENT_OK);
    assert_true(plan->key.threads == 2 && plan->key.batch == 20 + 10 * i);
    mixent_plan_file_free(plan);
    free(plans[i]);
  }

  mixent_run_state run;
  const char *message;
  assert_int_equal(mixent_study_run_state(study, (mixent_study_cell){0, 1, 1}, &run, &message), MIXENT_OK);
  assert_true(run == MIXENT_RUN_MISSING && !message);
  assert_int_equal(mixent_study_note(study, (mixent_study_cell){0, 1, 1}, "because"), MIXENT_OK);
  mixent_study_free(study);
  assert_int_equal(mixent_study_open(cell, &study), MIXENT_OK);
  assert_int_equal(mixent_study_run_state(study, (mixent_study_cell){0, 1, 1}, &run, &message), MIXENT_OK);
  assert_true(run == MIXENT_RUN_FAILED && strcmp(message, "because") == 0);
  mixent_study_free(study);

  /* another seed, another variant: the rest is as it was */
  study = parse_small(directory, "  same: {loss: {name: focal}}\n");
  assert_int_equal(mixent_study_add_seed(study, 5), MIXENT_OK);
  assert_int_equal(mixent_study_begin(study, &planner, cell, 1, &lock), MIXENT_ERROR_ARGUMENT);
  assert_int_equal(mixent_study_begin(study, &planner, cell, 0, &lock), MIXENT_OK);
  close(lock);
  assert_true(study->seed_count == 3 && study->variant_count == 3 && mixent_study_threads(study) == 2);
  char *first = plan_path(study, 0), *third = plan_path(study, 2);
  assert_string_equal(first, third); /* the same network and batch */
  free(first);
  free(third);
  mixent_study_free(study);

  other = parse_small(directory, "");
  assert_int_equal(mixent_study_join(other, cell), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "a variant same that is missing"));
  mixent_study_free(other);
  assert_int_equal(mixent_study_open(cell, &study), MIXENT_OK);
  assert_true(study->seed_count == 3 && study->seeds[2] == 5 && study->variant_count == 3);
  mixent_text exported = {0};
  size_t runs;
  assert_int_equal(mixent_study_export(study, &exported, &runs), MIXENT_OK);
  assert_true(runs == 0 && strstr(exported.data, "\"kind\":\"mixent study\""));
  mixent_text_free(&exported);
  mixent_study_free(study);
  assert_int_equal(mixent_directory_remove(directory), MIXENT_OK);
}

typedef struct told {
  char file[80]; /* made when it is known */
  long epochs;   /* of a run */
  size_t failed, events;
  double fraction, images_per_second, seconds_left; /* the first that is known of a process */
  const char *message;                              /* what each run fails with */
  json_t *last;                                     /* the last event */
} told;

static void tell_progress(void *context, const mixent_study_progress *progress) {
  told *told = context;
  if (progress->images_per_second == 0 || told->images_per_second != 0) return;
  assert_true(progress->running == 1 && strcmp(progress->names[0], "ce-0") == 0);
  told->fraction = progress->fraction;
  told->images_per_second = progress->images_per_second;
  told->seconds_left = progress->seconds_left;
  assert_int_equal(mixent_file_replace(told->file, "", 0), MIXENT_OK);
}

static void tell_end(void *context, const mixent_study_ended *ended) {
  told *told = context;
  assert_string_equal(ended->message, told->message);
  told->failed++;
}

static void tell_event(void *context, json_t *event) {
  told *told = context;
  assert_string_equal(json_string_value(json_object_get(event, "command")), "train");
  told->events++;
  json_decref(told->last);
  told->last = json_incref(event);
}

/* A study whose runs are processes of a script; `told` is what they say. */
static void train_by_script(const char *script, told *told) {
  char directory[] = "/tmp/mixent-study-XXXXXX", cell[64], program[64];
  int lock;
  size_t failed;
  assert_non_null(mkdtemp(directory));
  assert_true(small_run_make(directory, 4));
  snprintf(cell, sizeof cell, "%s/runs/small", directory);
  snprintf(program, sizeof program, "%s/program", directory);
  assert_int_equal(mixent_file_replace(program, script, strlen(script)), MIXENT_OK);
  assert_int_equal(chmod(program, 0700), 0);
  snprintf(told->file, sizeof told->file, "%s.told", program);
  mixent_study *study = parse_small(directory, "");
  mixent_recipe recipe;
  assert_int_equal(mixent_study_recipe(study, (mixent_study_cell){0}, &recipe), MIXENT_OK);
  told->epochs = recipe.epochs;
  if (mixent_study_begin(study, &planner, cell, 1, &lock) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  const mixent_study_train_options options = {.program = program,
                                              .jobs = 1,
                                              .lock = lock,
                                              .context = told,
                                              .progress = tell_progress,
                                              .ended = tell_end,
                                              .event = tell_event};
  assert_int_equal(mixent_study_train(study, &options, &failed), MIXENT_OK);
  assert_true(failed == 4 && told->failed == 4);
  close(lock);
  mixent_study_free(study);
  assert_int_equal(mixent_directory_remove(directory), MIXENT_OK);
}

#define EVENT(name, fields) "echo '{\"event\":\"" name "\",\"version\":1,\"command\":\"train\"," fields "}'\n"

/* What a process says of an epoch that runs is the study's progress; it fails, and so do the others. A line that is no event
 * tells nothing, an unknown event is only passed on, and so is an unknown field. Progress of an epoch that has ended does not count. */
static void test_events_of_a_run(void **state) {
  (void)state;
  told told = {.message = "of no use"};
  train_by_script(
      "#!/bin/sh\necho 'epoch 1/2, 40 %, loss 0.512, 9 images/s'\necho 'mixent: of much use' >&2\n" EVENT(
          "renamed", "\"message\":\"another\"") EVENT("start", "\"first_epoch\":1")
          EVENT(
              "progress",
              "\"epoch\":0,\"step\":100,\"steps\":100,\"images_per_second\":9") /* of an epoch that has ended */
      EVENT("progress", "\"epoch\":1,\"step\":40,\"steps\":100,\"images_per_second\":1234,\"news\":0") "until [ -e \"$0.told\" ]; do sleep 0.01; done\n" EVENT(
          "failed", "\"message\":\"of no use\",\"error\":\"io\"") "exit 1\n",
      &told);
  assert_true(told.images_per_second == 1234);
  assert_true(fabs(told.fraction - 0.4 / (double)(4 * told.epochs)) < 1e-9);
  assert_true(told.seconds_left > 0 && isfinite(told.seconds_left));
  assert_int_equal(told.events, 4 * 5);
  assert_string_equal(json_string_value(json_object_get(told.last, "event")), "failed");
  assert_string_equal(json_string_value(json_object_get(told.last, "run")), "wide-1");
  assert_string_equal(json_string_value(json_object_get(told.last, "variant")), "wide");
  assert_int_equal(json_integer_value(json_object_get(told.last, "seed")), 1);
  json_decref(told.last);
}

/* A process that is killed while it prints: the study says `failed` in its place. */
static void test_a_run_without_a_last_event(void **state) {
  (void)state;
  told told = {.message = "ended by signal 9 (Killed); its last words: out of luck"};
  train_by_script(
      "#!/bin/sh\necho 'out of luck' >&2\nprintf '{\"event\":\"finished\",\"command\"'\nkill -9 $$\n", &told);
  assert_int_equal(told.events, 4);
  assert_string_equal(json_string_value(json_object_get(told.last, "event")), "failed");
  assert_string_equal(json_string_value(json_object_get(told.last, "error")), "process");
  assert_int_equal(json_integer_value(json_object_get(told.last, "exit_code")), 128 + 9);
  assert_string_equal(json_string_value(json_object_get(told.last, "message")), told.message);
  json_decref(told.last);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_the_file_says),
                                     cmocka_unit_test(test_options_without_effect),
                                     cmocka_unit_test(test_vary),
                                     cmocka_unit_test(test_crossed),
                                     cmocka_unit_test(test_what_it_leaves_out),
                                     cmocka_unit_test(test_runs_go_seed_by_seed),
                                     cmocka_unit_test(test_built_in_studies_are_right),
                                     cmocka_unit_test(test_a_directory),
                                     cmocka_unit_test(test_events_of_a_run),
                                     cmocka_unit_test(test_a_run_without_a_last_event)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
