/* recipe/: every built-in recipe is right, what is written reads back to the bit, mistakes are named
 * with their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/locale.h"
#include "core/random.h"
#include "recipe/aliases.h"
#include "recipe/use.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_built_in_recipes_with_every_loss(void **state) {
  (void)state;
  int count = 0;
  for (const char *const *name = mixent_recipe_names(); *name; name++, count++) {
    const char *summary;
    int length = mixent_recipe_summary(*name, &summary);
    assert_int_equal(mixent_recipe_text(*name)[0], '#');
    assert_int_equal(summary[length - 1], '.'); /* a whole sentence: help and man page show no more */
    for (const char *const *loss = mixent_loss_names; *loss; loss++) {
      mixent_setting setting = {"loss.name", *loss};
      mixent_recipe recipe;
      if (mixent_recipe_compose(*name, &setting, 1, &recipe) != MIXENT_OK)
        fail_msg("%s", mixent_last_error());
      assert_string_equal(recipe.name, *name);
      assert_string_equal(mixent_loss_names[recipe.loss_kind], *loss);
    }
  }
  assert_true(count >= 5);
}

static void test_the_section_losses(void **state) {
  (void)state;
  const char text[] =
      "loss: {w1: 3, b1: 5}\nlosses:\n  min-ent: {w1: 0.5}\n  mix-ent: {w1: 0.25, eps: 1e-4}\n";
  mixent_recipe recipe;
  assert_int_equal(mixent_recipe_parse(text, "t", "t", NULL, 0, &recipe), MIXENT_OK);
  assert_true(recipe.w[0] == 3 && recipe.b[0] == 5 && recipe.eps == 1e-6);
  mixent_setting settings[] = {{"loss.name", "mix-ent"}, {"loss.b1", "e"}};
  assert_int_equal(mixent_recipe_parse(text, "t", "t", settings, 2, &recipe), MIXENT_OK);
  assert_true(recipe.w[0] == 0.25 && recipe.b[0] == 2.718281828459045 && recipe.eps == 1e-4);
  /* settings win over the section, in whatever order they come */
  mixent_setting other[] = {{"loss.w1", "9"}, {"loss.name", "min-ent"}};
  assert_int_equal(mixent_recipe_parse(text, "t", "t", other, 2, &recipe), MIXENT_OK);
  assert_true(recipe.w[0] == 9 && recipe.eps == 1e-6);
}

/* A random legal value of an option as text. */
static void random_value(const mixent_option *option, const uint32_t words[4], char *out, size_t size) {
  static const char *const texts[] = {"emnist-letters", "/a/b c",        "\"quoted\\\"", "1e5",
                                      "# x: y",         "tab\tand\nline"};
  double u = mixent_uniform_double(words[0], words[1]);
  switch (option->type) {
  case MIXENT_OPTION_TEXT: snprintf(out, size, "%s", texts[words[2] % 6]); break;
  case MIXENT_OPTION_YES_NO: snprintf(out, size, "%s", words[2] & 1 ? "yes" : "false"); break;
  case MIXENT_OPTION_WHOLE:
    snprintf(out, size, "%ld", (long)(option->low + u * (option->high - option->low)));
    break;
  case MIXENT_OPTION_NUMBER:
    mixent_print(out, size, "%.17g", option->low + u * (option->high - option->low));
    break;
  case MIXENT_OPTION_NAMES: {
    size_t length = (size_t)snprintf(out, size, "%s", words[2] & 1 ? "" : " ");
    for (int i = 0; option->choices[i]; i++) /* in an order of its own */
      if (words[2] >> (5 - i) & 2)
        length += (size_t)snprintf(out + length, size - length, "%s,", option->choices[5 - i]);
    break;
  }
  case MIXENT_OPTION_CHOICE: {
    uint32_t count = 1;
    while (option->choices[count]) count++;
    snprintf(out, size, "%s", option->choices[words[2] % count]);
  }
  }
}

static void test_what_is_written_reads_back_to_the_bit(void **state) {
  (void)state;
  mixent_random random = mixent_random_stream(1, "test", "");
  int compared = 0;
  for (uint64_t round = 0; round < 300; round++) {
    mixent_recipe recipe, again;
    assert_int_equal(mixent_recipe_compose(NULL, NULL, 0, &recipe), MIXENT_OK);
    uint64_t element = 0;
    for (const mixent_option *option = mixent_options; option->key; option++) {
      uint32_t words[4];
      char value[64];
      mixent_random_block(&random, round, element++, words);
      random_value(option, words, value, sizeof value);
      if (words[3] % 3 == 0 && strcmp(option->key, "name") != 0 &&
          mixent_option_set(option, value, &recipe) != MIXENT_OK)
        fail_msg("%s", mixent_last_error());
    }
    mixent_text text = {0};
    mixent_recipe_write(&recipe, true, &text);
    bool legal = mixent_recipe_check(&recipe) == MIXENT_OK;
    mixent_status status = mixent_recipe_parse(text.data, "t", "t", NULL, 0, &again);
    assert_int_equal(status == MIXENT_OK, legal);
    for (const mixent_option *option = mixent_options; option->key && legal; option++, compared++) {
      size_t size = option->type == MIXENT_OPTION_TEXT     ? strlen((char *)&recipe + option->offset) + 1
                    : option->type == MIXENT_OPTION_YES_NO ? sizeof(bool)
                    : option->type == MIXENT_OPTION_NAMES  ? sizeof recipe.learn
                                                           : 8;
      if (memcmp((char *)&recipe + option->offset, (char *)&again + option->offset, size) != 0)
        fail_msg("%s differs in\n%s", option->key, text.data);
    }
    mixent_text_free(&text);
  }
  assert_true(compared > 1000);
}

static void test_what_is_learned(void **state) {
  (void)state;
  static const struct {
    const char *text, *learned; /* in order */
  } cases[] = {{"w1 w2", "w1 w2"},
               {"\"w1,b2\"", "w1 b2"},
               {"[b1, w2]", "w2 b1"},
               {"none", "none"},
               {"[]", "none"},
               {"", "none"},
               {"\n    - b2\n    - w1", "w1 b2"},
               {"[w1 w2, b1]", "w1 w2 b1"},
               {"b2, b1, w2, w1", "w1 w2 b1 b2"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_recipe recipe;
    mixent_text text = {0}, written = {0};
    mixent_text_append(&text, "loss:\n  name: min-ent\n  learn: %s\n", cases[i].text);
    if (mixent_recipe_parse(text.data, "t", "t", NULL, 0, &recipe) != MIXENT_OK)
      fail_msg("%s: %s", text.data, mixent_last_error());
    mixent_option_write(mixent_option_find("loss.learn"), &recipe, &written);
    assert_string_equal(written.data, cases[i].learned);
    mixent_loss_options loss = mixent_recipe_loss(&recipe);
    for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++)
      assert_int_equal(loss.learn[k], strstr(cases[i].learned, mixent_loss_parameter_names[k]) != NULL);
    mixent_text_free(&text);
    mixent_text_free(&written);
  }
}

static void test_words_for_true_and_false(void **state) {
  (void)state;
  static const char *const words[][2] = {{"true", "false"}, {"Yes", "NO"}, {"on", "Off"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    mixent_recipe recipe;
    for (int right = 0; right < 2; right++) { /* against the default */
      mixent_setting settings[] = {{"transpose", words[i][0]}, {"transpose", words[i][1 - right]}};
      assert_int_equal(mixent_recipe_compose(NULL, settings, 2, &recipe), MIXENT_OK);
      assert_int_equal(recipe.transpose, right);
    }
  }
}

static void test_numbers_are_short(void **state) {
  (void)state;
  mixent_text text = {0};
  mixent_number_write(0.1, &text);
  mixent_text_append(&text, " ");
  mixent_number_write(5e-4, &text);
  mixent_text_append(&text, " ");
  mixent_number_write(0.1 + 0.2, &text);
  mixent_text_append(&text, " ");
  mixent_number_write(200, &text);
  assert_string_equal(text.data, "0.1 0.0005 0.30000000000000004 200");
  mixent_text_free(&text);
}

static void test_mistakes_are_named(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"epohcs: 3\n", "t:1:1: unknown option 'epohcs'; did you mean 'epochs'?"},
      {"optimizer:\n  name: sdg\n", "t:2:3: optimizer.name: unknown 'sdg'; did you mean 'sgd'?"},
      {"learning_rate: 1\n", "here it is 'optimizer.learning_rate'"},
      {"optimizer:\n  learning_rat: 1\n",
       "t:2:3: unknown option 'optimizer.learning_rat'; did you mean 'optimizer.learning_rate'?"},
      {"epochs: 0\n", "t:1:1: epochs: expected a whole number from 1 to 1000000, got '0'"},
      {"epochs: 1.5\n", "got '1.5'"},
      {"transpose: treu\n", "t:1:1: transpose: expected true or false, got 'treu'"},
      {"dropout: nan\n", "got 'nan'"},
      {"dropout: -0.5\n", "dropout: -0.5 is below 0"},
      {"optimizer: adam\n", "t:1:1: unknown option 'optimizer'; here it is 'optimizer.name'"},
      {"test: 3\n", "expected a section of options"},
      {"epochs: {a: 1}\n", "epochs: expected a single value"},
      {"losses: {min-net: {w1: 1}}\n", "did you mean 'min-ent'?"},
      {"losses: {min-ent: {w4: 1}}\n", "unknown option 'loss.w4'"},
      {"losses: {min-ent: {name: ce}}\n", "cannot be changed here"},
      {"loss: {learn: w1 w4}\n", "t:1:8: loss.learn: unknown 'w4'; did you mean 'w1'?"},
      {"loss: {learn: [w1, b2, w1]}\n", "loss.learn: w1 is named twice"},
      {"loss: {learn: [[w1]]}\n", "loss.learn: expected a list of names"},
      {"loss: {learn: {w1: 1}}\n", "loss.learn: expected a single value"},
      {"loss: {learn: weights}\n", "expected one of w1, w2, w3, b1, b2, b3, got 'weights'"},
      {"loss: {learn: none w1}\n", "'none'"},
      {"loss: {name: min-ent, learn: w2, w2: 21}\n", "w2 starts at 21"},
      {"epochs: [1]\n", "epochs: expected a single value"},
      {"- a\n", "expected options"},
      {"optimizer: {momentum: 0}\n", "optimizer.nesterov"},
      {"schedule: {name: spinal}\nvalidation: {fraction: 0}\n", "validation.fraction"},
      {"loss: {name: min-ent, b1: 1}\n", ""},
      {"name: a/b\n", "cannot name a directory"},
      {"epochs: 3\nepochs: 4\n", "t:2:1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_recipe recipe;
    if (mixent_recipe_parse(cases[i].text, "t", "t", NULL, 0, &recipe) == MIXENT_OK)
      fail_msg("taken: %s", cases[i].text);
    if (!strstr(mixent_last_error(), cases[i].message))
      fail_msg("%s\nlacks: %s", mixent_last_error(), cases[i].message);
  }
  mixent_recipe recipe;
  mixent_setting setting = {"epoch", "3"};
  assert_int_equal(mixent_recipe_compose(NULL, &setting, 1, &recipe), MIXENT_ERROR_ARGUMENT);
  assert_string_equal(mixent_last_error(), "unknown option 'epoch'; here it is 'epochs'");
  assert_int_equal(mixent_recipe_compose("paper-cee", NULL, 0, &recipe), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "'paper-ce'"));
  assert_int_equal(mixent_recipe_compose("/no/such/file.yaml", NULL, 0, &recipe), MIXENT_ERROR_IO);
  assert_int_equal(mixent_recipe_compose("/tmp/", NULL, 0, &recipe), MIXENT_ERROR_IO);
}

static mixent_status resolve(const char *text, const mixent_setting *settings, size_t count) {
  mixent_recipe recipe;
  return mixent_recipe_parse_new(text, "t", "t", settings, count, &recipe);
}

/* An option that belongs to another loss or optimiser is refused, in a file where its value is not the default. */
/* recipe.yaml could not be read again: a path in Latin-1 is refused before a run begins. */
/* Recipes of old runs name them, mostly off: they are read, and nothing is trained by them. */
static void test_retired_options(void **state) {
  (void)state;
  const char off[] = "lookahead: {every: 0, rate: 0.5, power: 0}\ninit: {identity: false, whitening: false}\n"
                     "optimizer: {norm_bias_rate: 1, muon_rate: 0.24}\ndistill: {self: 0}\n";
  static const char *const on[][2] = {{"lookahead: {every: 5}", "lookahead.every"},
                                      {"init: {identity: true}", "init.identity"},
                                      {"init.whitening: true", "init.whitening"},
                                      {"distill: {self: 0.8}", "distill.self"},
                                      {"optimizer: {norm_bias_rate: 16}", "optimizer.norm_bias_rate"},
                                      {"optimizer: {name: muon}", "optimizer.name=muon"}};
  mixent_recipe recipe;
  assert_int_equal(mixent_recipe_parse_new(off, "t", "t", NULL, 0, &recipe), MIXENT_OK);
  assert_null(recipe.retired);
  for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
    char message[160];
    assert_int_equal(mixent_recipe_parse(on[i][0], "t", "t", NULL, 0, &recipe), MIXENT_OK);
    assert_string_equal(recipe.retired, on[i][1]);
    assert_int_equal(mixent_recipe_parse_new(on[i][0], "t", "t", NULL, 0, &recipe), MIXENT_ERROR_ARGUMENT);
    snprintf(message, sizeof message, "%s: mixent has it no longer, because it did not help; leave it out",
             on[i][1]);
    assert_string_equal(mixent_last_error(), message);
  }
  const mixent_setting setting = {"lookahead.every", "5"};
  assert_int_equal(mixent_recipe_parse_new("epochs: 1", "t", "t", &setting, 1, &recipe),
                   MIXENT_ERROR_ARGUMENT);
  mixent_text command = {0};
  assert_int_equal(mixent_recipe_parse(on[0][0], "t", "t", NULL, 0, &recipe), MIXENT_OK);
  assert_int_equal(mixent_recipe_command(&recipe, "runs/a", &command), MIXENT_OK);
  assert_string_equal(command.data, "none: mixent has lookahead.every no longer");
  mixent_text_free(&command);
}

static void test_texts_are_utf8(void **state) {
  (void)state;
  mixent_recipe recipe;
  const char *const keys[] = {"data", "data_dir", "net", "plan", "baseline", "name"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    mixent_setting setting = {keys[i], "b\xe4r"};
    char message[64];
    assert_int_equal(mixent_recipe_compose(NULL, &setting, 1, &recipe), MIXENT_ERROR_ARGUMENT);
    snprintf(message, sizeof message, "%s: expected UTF-8, got 'b\xe4r'", keys[i]);
    if (strncmp(mixent_last_error(), message, strlen(message)) != 0) fail_msg("%s", mixent_last_error());
    setting.value = "b\xc3\xa4r\xe2\x80\xa8";
    assert_int_equal(mixent_recipe_compose(NULL, &setting, 1, &recipe), MIXENT_OK);
  }
}

static void test_foreign_options_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *key, *value, *message; /* key NULL: the text alone; message NULL: right */
  } cases[] = {
      {"{}", "loss.w2", "1", "loss.w2: the loss 'ce' does not use it (it has smoothing)"},
      {"{}", "loss.learn", "w2", "loss.learn: the loss 'ce' has nothing to learn"},
      {"{}", "loss.learn", "none", NULL},
      {"{}", "loss.style", "square", "loss.style: the loss 'ce' does not use it"},
      {"{}", "loss.eps", "1e-6", "loss.eps: the loss 'ce' does not use it"},
      {"loss: {name: min-ent}", "loss.w3", "5",
       "'min-ent' does not use it (it has w1, w2, b1, b2, smoothing)"},
      {"loss: {name: min-ent}", "loss.learn", "w1 w3",
       "loss.learn: the loss 'min-ent' cannot learn that (it has w1, w2, b1, b2)"},
      {"loss: {name: min-ent}", "loss.focal_gamma", "5", "loss.focal_gamma: the loss 'min-ent'"},
      {"loss: {name: mix-ent}", "loss.eps", "1e-4", NULL},
      {"loss: {name: bi-tempered}", "loss.t1", "0.5", NULL},
      {"loss: {name: bi-tempered}", "loss.gce_q", "0.5", "(it has w1, b1, smoothing, t1, t2)"},
      {"{}", "optimizer.beta1", "0.8", "optimizer.beta1: the optimizer 'sgd' does not use it ('adam' does)"},
      {"optimizer: {name: adam}", "optimizer.momentum", "0.9", "'adam' does not use it ('sgd' does)"},
      {"optimizer: {name: adam}", "optimizer.nesterov", "false", NULL},
      {"loss: {w2: 0.3}", NULL, NULL, "t:1:8: loss.w2: the loss 'ce' does not use it"},
      {"loss: {w2: 1}", NULL, NULL, NULL},
      {"loss.focal_gamma: 5", NULL, NULL, "t:1:1: loss.focal_gamma: the loss 'ce'"},
      {"loss.name: focal\nloss.focal_gamma: 5", NULL, NULL, NULL},
      {"optimizer: {beta2: 0.5}", NULL, NULL, "t:1:13: optimizer.beta2: the optimizer 'sgd'"},
      {"losses: {mae: {w1: 2},\n  kl: {w2: 2}}", NULL, NULL,
       "t:2:8: loss.w2: the loss 'kl' does not use it (it has w1, b1, smoothing, eps)"},
      /* what the file says for its own loss is dropped where a setting chooses another, and serves where one chooses it */
      {"loss: {name: min-ent, w2: 0.3, learn: w2}", "loss.name", "ce", NULL},
      {"loss: {w2: 0.3}", "loss.name", "min-ent", NULL},
      {"optimizer: {momentum: 0.5}", "optimizer.name", "adam", NULL},
      {"loss: {name: min-ent, w3: 0.3}", "loss.name", "ce", "loss.w3: the loss 'min-ent'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const mixent_setting setting = {cases[i].key, cases[i].value};
    mixent_status status = resolve(cases[i].text, &setting, cases[i].key != NULL);
    if ((status == MIXENT_OK) != !cases[i].message)
      fail_msg("%s %s: %s", cases[i].text, cases[i].key, status ? mixent_last_error() : "taken");
    if (cases[i].message && !strstr(mixent_last_error(), cases[i].message))
      fail_msg("%s\nlacks: %s", mixent_last_error(), cases[i].message);
  }
}

/* Every recipe that a run writes can be trained again, whatever loss was chosen for it. */
static void test_complete_recipes_are_taken(void **state) {
  (void)state;
  for (const char *const *name = mixent_recipe_names(); *name; name++)
    for (const char *const *loss = mixent_loss_names; *loss; loss++)
      for (const char *const *optimizer = mixent_option_find("optimizer.name")->choices; *optimizer;
           optimizer++) {
        const mixent_setting settings[] = {{"loss.name", *loss}, {"optimizer.name", *optimizer}};
        mixent_recipe recipe;
        mixent_text text = {0};
        assert_int_equal(mixent_recipe_compose(*name, settings, 2, &recipe), MIXENT_OK);
        mixent_recipe_write(&recipe, true, &text);
        if (resolve(text.data, NULL, 0) != MIXENT_OK)
          fail_msg("%s %s: %s", *name, *loss, mixent_last_error());
        mixent_text_free(&text);
      }
}

static void note(void *context, const char *message) {
  snprintf(context, 200, "%s", message);
}

static void test_idle_options_are_told(void **state) {
  (void)state;
  static const struct {
    const char *text, *key, *value, *reason; /* reason NULL: it has an effect */
  } cases[] = {
      {"{}", "loss.max_interval", "5", "does not change with time"},
      {"loss: {style: square_decay}", "loss.max_interval", "5", NULL},
      {"loss: {style: epoch_no_params}", "loss.w2", "5", "does not read it"},
      {"loss: {style: square_tie}", "loss.w1", "5", "does not read it"},
      {"loss: {style: square_tie}", "loss.w2", "5", NULL},
      {"loss: {style: epoch_mult_params}", "loss.w2", "5", NULL},
      {"loss: {learn: b1}", "loss.weight_learning_rate", "1", "no weight is learned"},
      {"loss: {learn: w1}", "loss.weight_learning_rate", "1", NULL},
      {"loss: {learn: w1}", "loss.base_max", "9", "no base is learned"},
      {"loss: {learn: w1}", "loss.held_out_fraction", "0.1", "hypergradient"},
      {"loss: {learn: w1, style: hypergradient}", "loss.held_out_fraction", "0.1", NULL},
      {"schedule: {name: constant}", "schedule.warmup", "0.1", "no warm-up"},
      {"schedule: {name: cosine}", "schedule.warmup", "0.1", NULL},
      {"{}", "ema.estimate_batches", "10", "ema.decay"},
      {"{}", "noise.seed", "10", "noise.fraction"},
      {"{}", "augment.perspective_probability", "0.1", "augment.perspective"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const mixent_setting settings[] = {{"loss.name", "min-ent"}, {cases[i].key, cases[i].value}};
    char message[200] = "";
    mixent_recipe recipe;
    if (mixent_recipe_parse_new(cases[i].text, "t", "t", settings, 2, &recipe) != MIXENT_OK)
      fail_msg("%s", mixent_last_error());
    mixent_settings_warn_idle(settings, 2, &recipe, note, message);
    if (cases[i].reason ? !strstr(message, cases[i].reason) || !strstr(message, cases[i].key) : *message)
      fail_msg("%s %s: '%s'", cases[i].text, cases[i].key, message);
  }
}

/* What people type finds what it is called here; every such name is a right one. */
static void test_words_of_other_programs(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"lr", "optimizer.learning_rate"},
                                         {"Learning-Rate", "optimizer.learning_rate"},
                                         {"optimizer.lr", "optimizer.learning_rate"},
                                         {"batch_size", "batch"},
                                         {"model", "net"},
                                         {"wd", "optimizer.weight_decay"},
                                         {"workers", "threads"},
                                         {"device", "threads"},
                                         {"dataset", "data"},
                                         {"momentum", "optimizer.momentum"},
                                         {"EPOCHS", "epochs"},
                                         {"val_split", "validation.fraction"},
                                         {"criterion", "loss.name"},
                                         {"+model.name", "net"},
                                         {"optimizer.eps", "optimizer.epsilon"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    assert_string_equal(mixent_typed_word_find(pairs[i][0])->key, pairs[i][1]);
  assert_null(mixent_typed_word_find("fraction")); /* of two sections */
  assert_null(mixent_typed_word_find("epohcs"));
  for (const mixent_typed_word *word = mixent_typed_words; word->word; word++) {
    assert_true(word->key ? mixent_option_find(word->key) != NULL : word->note != NULL);
    assert_null(mixent_option_find(word->word));
    for (const mixent_typed_word *other = mixent_typed_words; other < word; other++)
      assert_string_not_equal(word->word, other->word);
  }
  const mixent_option *loss = mixent_option_find("loss.name");
  assert_string_equal(mixent_typed_choice_find(loss, "CrossEntropy"), "ce");
  assert_string_equal(mixent_typed_choice_find(loss, "MIN_ENT"), "min-ent");
  assert_string_equal(mixent_typed_choice_find(mixent_option_find("precision"), "float16"), "bf16");
  assert_null(mixent_typed_choice_find(loss, "float16"));
}

static void test_run_names(void **state) {
  (void)state;
  mixent_recipe recipe;
  mixent_setting settings[] = {
      {"data", "/x/my-set/"}, {"net", "nets/small.yaml"}, {"loss.name", "min-ent"}, {"seed", "7"}};
  assert_int_equal(mixent_recipe_compose("demo", NULL, 0, &recipe), MIXENT_OK);
  assert_string_equal(recipe.data_alternative, "fashion-mnist");
  char *name = mixent_recipe_run_name(&recipe);
  assert_string_equal(name, "demo-ce-0");
  free(name);
  assert_int_equal(mixent_recipe_compose("demo", settings, 4, &recipe), MIXENT_OK);
  assert_string_equal(recipe.data_alternative, "");
  name = mixent_recipe_run_name(&recipe);
  assert_string_equal(name, "demo-my-set-small-min-ent-7");
  free(name);
}

static void test_help_lists_everything(void **state) {
  (void)state;
  mixent_text help = {0};
  assert_int_equal(mixent_recipe_help(NULL, &help), MIXENT_OK);
  for (const mixent_option *option = mixent_options; option->key; option++)
    assert_non_null(strstr(help.data, option->key));
  for (const char *const *name = mixent_recipe_names(); *name; name++)
    assert_non_null(strstr(help.data, *name));
  mixent_text_free(&help);
}

static void test_options_that_say_how_data_are_read(void **state) {
  (void)state;
  mixent_text keys = {0}, of_data = {0};
  mixent_recipe recipe;
  mixent_setting label = {"label", "species"};
  mixent_option_keys_append(mixent_option_reads, &keys);
  mixent_option_keys_append(mixent_option_is_of_data, &of_data);
  assert_string_equal(
      keys.data,
      "side, memory_limit, fit, label, missing, categories, leave_out, separator, decimal, header");
  assert_string_equal(of_data.data,
                      "data, data_alternative, data_dir, transpose, side, fit, label, missing, categories, "
                      "leave_out, separator, decimal, header");
  mixent_text_free(&keys);
  mixent_text_free(&of_data);
  assert_int_equal(mixent_recipe_compose("tabular", &label, 1, &recipe), MIXENT_OK);
  for (const mixent_option *option = mixent_options; option->key; option++)
    if (mixent_option_reads(option))
      assert_int_equal(mixent_option_is_default(option, &recipe), strcmp(option->key, "label") != 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_built_in_recipes_with_every_loss),
      cmocka_unit_test(test_the_section_losses),
      cmocka_unit_test(test_what_is_written_reads_back_to_the_bit),
      cmocka_unit_test(test_what_is_learned),
      cmocka_unit_test(test_words_for_true_and_false),
      cmocka_unit_test(test_numbers_are_short),
      cmocka_unit_test(test_mistakes_are_named),
      cmocka_unit_test(test_retired_options),
      cmocka_unit_test(test_texts_are_utf8),
      cmocka_unit_test(test_foreign_options_are_refused),
      cmocka_unit_test(test_complete_recipes_are_taken),
      cmocka_unit_test(test_idle_options_are_told),
      cmocka_unit_test(test_words_of_other_programs),
      cmocka_unit_test(test_run_names),
      cmocka_unit_test(test_help_lists_everything),
      cmocka_unit_test(test_options_that_say_how_data_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
