/* core/yaml: trees with positions, checked scalars, and what is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/yaml.h"
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static mixent_yaml *parse(const char *text) {
  mixent_yaml *root;
  if (mixent_yaml_parse(text, strlen(text), "t", &root) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return root;
}

static void test_tree(void **state) {
  (void)state;
  mixent_yaml *root =
      parse("# comment\nname: vgg5\nlayers:\n  - conv2d: {kernel: 3, name: 'l1.0'}\n  - relu:\n"
            "from: [a, b]\n");
  assert_int_equal(root->kind, MIXENT_YAML_MAPPING);
  assert_int_equal(root->count, 3);
  assert_string_equal(mixent_yaml_find(root, "name")->text, "vgg5");
  assert_null(mixent_yaml_find(root, "nam"));
  const mixent_yaml *layers = mixent_yaml_find(root, "layers");
  assert_int_equal(layers->kind, MIXENT_YAML_SEQUENCE);
  assert_int_equal(layers->count, 2);
  const mixent_yaml *convolution = mixent_yaml_find(&layers->children[0], "conv2d");
  assert_string_equal(convolution->key, "conv2d");
  assert_int_equal(convolution->line, 4);
  assert_int_equal(convolution->column, 5);
  const mixent_yaml *name = mixent_yaml_find(convolution, "name");
  assert_string_equal(name->text, "l1.0");
  assert_int_equal(name->column, 25);
  assert_string_equal(name->origin, "t");
  const mixent_yaml *relu = mixent_yaml_find(&layers->children[1], "relu");
  assert_int_equal(relu->kind, MIXENT_YAML_SCALAR);
  assert_string_equal(relu->text, "");
  assert_string_equal(mixent_yaml_find(root, "from")->children[1].text, "b");
  assert_int_equal(mixent_yaml_find(root, "from")->children[1].column, 11);
  assert_null(mixent_yaml_find(relu, "name"));
  mixent_yaml_free(root);
  mixent_yaml_free(NULL);
}

/* A wide sequence, so that children grow several times. */
static void test_long_sequence(void **state) {
  (void)state;
  char text[4096] = "";
  for (int i = 0; i < 200; i++) snprintf(text + strlen(text), 16, "- %d\n", i);
  mixent_yaml *root = parse(text);
  assert_int_equal(root->count, 200);
  for (long i = 0; i < 200; i++) {
    long value = -1;
    assert_int_equal(mixent_yaml_integer(&root->children[i], 0, 200, &value), MIXENT_OK);
    assert_int_equal(value, i);
    assert_int_equal(root->children[i].line, i + 1);
  }
  mixent_yaml_free(root);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "t: there is nothing in it"},
      {"# only a comment\n", "t: there is nothing in it"},
      {"a: 1\nb:\n\tc: 2\n", "t:3:1: a tab begins this line; YAML is indented by spaces alone"},
      {"a: 1\nb: 2\na: 3\n", "t:3:1: a is given twice, first in line 1"},
      {"a: &x 1\n", "t:1:1: anchors are not supported"},
      {"a: &x [1]\n", "t:1:1: anchors are not supported"},
      {"- &x {a: 1}\n", "t:1:3: anchors are not supported"},
      {"a: 1\nb: *x\n", "t:2:1: aliases are not supported"},
      {"[a, b]: 1\n", "t:1:1: a key must be a plain word"},
      {"? {a: 1}\n: 2\n", "t:1:3: a key must be a plain word"},
      {"a: 1\n---\nb: 2\n", "t:2:1: a second document"},
      {"a: \"x\\0y\"\n", "t:1:1: the text holds a zero byte"},
      {"a: [1, 2\nb: 3\n", "t:2:"},
      {"a: 1\n  b: 2\n", "t:2:4: "},
      {"\ta: 1\n", "t:1:1: "},
      {"a: \xff\n", "t: invalid leading UTF-8 octet at byte 3"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_yaml *root;
    assert_int_equal(mixent_yaml_parse(cases[i].text, strlen(cases[i].text), "t", &root),
                     MIXENT_ERROR_FORMAT);
    assert_null(root);
    if (strncmp(mixent_last_error(), cases[i].message, strlen(cases[i].message)) != 0)
      fail_msg("%s: %s", cases[i].text, mixent_last_error());
  }
  char deep[200];
  memset(deep, '[', 100), memset(deep + 100, ']', 100);
  mixent_yaml *root;
  assert_int_equal(mixent_yaml_parse(deep, sizeof deep, "t", &root), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "nested"));
}

/* What is written as a word is read as the same, by YAML and by JSON. */
/* An empty tensor of a checkpoint has no bytes to point to. */
static void test_no_text_at_all(void **state) {
  (void)state;
  mixent_yaml *root;
  assert_int_equal(mixent_yaml_parse(NULL, 0, "t", &root), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "t: there is nothing in it");
  assert_null(root);
}

static void test_words_read_back(void **state) {
  (void)state;
  static const char *const words[] = {"plain",
                                      "two words",
                                      "",
                                      "\"\\\n\t\x01\x7f",
                                      "\xc2\x85 \xc2\x9f\xc2\xa0",
                                      "\xe2\x80\xa8",
                                      "\xe2\x80\xa9",
                                      "\xef\xbb\xbf\xef\xbf\xbe",
                                      "\xc3\xa4 \xf0\x9f\x98\x80",
                                      "1.5",
                                      "true",
                                      "#",
                                      ": -"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    mixent_text text = {0};
    mixent_yaml *root;
    mixent_yaml_word_write(words[i], &text);
    if (mixent_yaml_parse(text.data, text.length, "t", &root) != MIXENT_OK)
      fail_msg("%s", mixent_last_error());
    assert_string_equal(root->text, words[i]);
    mixent_yaml_free(root);
    if (*text.data == '"') {
      json_t *json = json_loads(text.data, JSON_DECODE_ANY, NULL);
      assert_string_equal(json_string_value(json), words[i]);
      json_decref(json);
    }
    mixent_text_free(&text);
  }
}

static void test_scalars(void **state) {
  (void)state;
  mixent_yaml *root =
      parse("{i: -12, r: 2.5e-3, t: Yes, f: off, s: hello, l: [1], e: , n: nan, h: 1e400, p: 3x}");
  long integer = 0;
  double number = 0;
  bool flag = false;
  assert_int_equal(mixent_yaml_integer(mixent_yaml_find(root, "i"), -12, 0, &integer), MIXENT_OK);
  assert_int_equal(integer, -12);
  assert_int_equal(mixent_yaml_number(mixent_yaml_find(root, "i"), -INFINITY, INFINITY, &number), MIXENT_OK);
  assert_true(number == -12);
  assert_int_equal(mixent_yaml_number(mixent_yaml_find(root, "r"), 0, 1, &number), MIXENT_OK);
  assert_true(number == 2.5e-3);
  assert_int_equal(mixent_yaml_boolean(mixent_yaml_find(root, "t"), &flag), MIXENT_OK);
  assert_true(flag);
  assert_int_equal(mixent_yaml_boolean(mixent_yaml_find(root, "f"), &flag), MIXENT_OK);
  assert_false(flag);

  assert_int_equal(mixent_yaml_integer(mixent_yaml_find(root, "i"), 1, 9, &integer), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "t:1:2: i: expected a whole number from 1 to 9, got '-12'");
  assert_int_equal(mixent_yaml_integer(mixent_yaml_find(root, "i"), 1, LONG_MAX, &integer),
                   MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "t:1:2: i: expected a whole number, at least 1, got '-12'");
  assert_int_equal(mixent_yaml_number(mixent_yaml_find(root, "l"), 0, 1, &number), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "l: expected a number from 0 to 1, got a list"));
  for (const char *key = "rsenp"; *key; key++) {
    const mixent_yaml *node = mixent_yaml_find(root, (char[]){*key, 0});
    assert_int_equal(mixent_yaml_integer(node, LONG_MIN, LONG_MAX, &integer), MIXENT_ERROR_FORMAT);
  }
  for (const char *key = "senhp"; *key; key++) {
    const mixent_yaml *node = mixent_yaml_find(root, (char[]){*key, 0});
    assert_int_equal(mixent_yaml_number(node, -INFINITY, INFINITY, &number), MIXENT_ERROR_FORMAT);
  }
  assert_int_equal(mixent_yaml_boolean(mixent_yaml_find(root, "s"), &flag), MIXENT_ERROR_FORMAT);
  assert_int_equal(mixent_yaml_boolean(root, &flag), MIXENT_ERROR_FORMAT);
  mixent_yaml_free(root);
}

static void test_unknown_keys(void **state) {
  (void)state;
  static const char *const allowed[] = {"kernel", "stride", NULL}, *const none[] = {NULL};
  mixent_yaml *root = parse("kernel: 3\nstrid: 2\n"), *other = parse("  xyzzy: 2\n"), *empty = parse("~");
  assert_int_equal(mixent_yaml_check_keys(root, allowed), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "t:2:1: unknown 'strid'; did you mean 'stride'?");
  assert_int_equal(mixent_yaml_check_keys(other, allowed), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "t:1:3: unknown 'xyzzy'; known here: kernel, stride");
  assert_int_equal(mixent_yaml_check_keys(other, none), MIXENT_ERROR_FORMAT);
  assert_int_equal(mixent_yaml_check_keys(empty, allowed), MIXENT_OK);
  mixent_yaml_free(root), mixent_yaml_free(other), mixent_yaml_free(empty);
}

/* Random bytes of YAML's own alphabet: parsed or refused, never a crash or a leak (the sanitizers watch). */
static void test_random_texts(void **state) {
  (void)state;
  static const char alphabet[] = "ab:-,[]{}\n  #&*'\"?|>!%@~1.";
  uint32_t seed = 1;
  int parsed = 0;
  for (int round = 0; round < 20000; round++) {
    char text[24];
    size_t length = 1 + (size_t)round % sizeof text;
    for (size_t i = 0; i < length; i++) {
      seed = seed * 1664525u + 1013904223u;
      text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
    }
    mixent_yaml *root;
    if (mixent_yaml_parse(text, length, "t", &root) == MIXENT_OK) parsed++;
    mixent_yaml_free(root);
  }
  assert_true(parsed > 100 && parsed < 20000);
}

/* A hundred thousand keys take a moment, not a minute, and one that stands twice is found wherever it stands. */
static void test_many_keys(void **state) {
  (void)state;
  enum { KEYS = 100000 };
  mixent_text text = {0};
  mixent_yaml *root;
  clock_t begin = clock();
  for (int i = 0; i < KEYS; i++) mixent_text_append(&text, "k%d: %d\n", (i * 7919) % KEYS, i);
  assert_int_equal(mixent_yaml_parse(text.data, text.length, "t", &root), MIXENT_OK);
  assert_int_equal(root->count, KEYS);
  assert_string_equal(root->children[1].key, "k7919");
  mixent_yaml_free(root);
  /* of two keys that stand twice the one whose second place comes first; of three places the first two */
  mixent_text_append(&text, "k7919: again\nk0: again\nk7919: once more\n");
  assert_int_equal(mixent_yaml_parse(text.data, text.length, "t", &root), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "t:100001:1: k7919 is given twice, first in line 2");
  mixent_text_free(&text);
  assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tree),           cmocka_unit_test(test_long_sequence),
      cmocka_unit_test(test_refusals),       cmocka_unit_test(test_words_read_back),
      cmocka_unit_test(test_scalars),        cmocka_unit_test(test_unknown_keys),
      cmocka_unit_test(test_random_texts),   cmocka_unit_test(test_many_keys),
      cmocka_unit_test(test_no_text_at_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
