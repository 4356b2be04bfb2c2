/* JSON with every allocation failing in turn: the whole value or text, or MIXENT_ERROR_MEMORY; never one that lacks something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long left = -1; /* allocations before the one that fails; negative: none does */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { OWN_MALLOC = 1 };
extern void *__libc_malloc(size_t);
__attribute__((noinline)) void *malloc(size_t bytes) {
  if (left < 0 || left-- > 0) return __libc_malloc(bytes);
  errno = ENOMEM;
  return NULL;
}
#else
enum { OWN_MALLOC = 0 };
#endif

/* Sanitizers and valgrind have allocators of their own. */
static bool can_fail(void) {
  const char *preload = getenv("LD_PRELOAD");
  return OWN_MALLOC && !(preload && strstr(preload, "vgpreload"));
}

/* Keys, texts and numbers longer than jansson's first buffers, which therefore grow. */
static const char text[] =
    "{\"a key that is longer than sixteen bytes\":[0.12345678901234566,-1.2345678901234567e-123,"
    "\"a text of more than thirty-two bytes, so that buffers grow twice\",true,null,17],"
    "\"another key that is longer than sixteen bytes\":{\"inner\":{\"h\":1.0}}}";
enum { FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(17), MOST = 1000 };

static void test_parse(void **state) {
  (void)state;
  json_t *right, *found;
  assert_int_equal(mixent_json_parse(text, strlen(text), 0, "it", &right), MIXENT_OK);
  mixent_status status = MIXENT_ERROR_MEMORY;
  long failed = 0;
  for (; can_fail() && failed < MOST && status != MIXENT_OK; failed++) {
    left = failed;
    status = mixent_json_parse(text, strlen(text), 0, "it", &found);
    left = -1;
    if (status == MIXENT_OK) assert_true(json_equal(right, found));
    if (status != MIXENT_OK) {
      assert_int_equal(status, MIXENT_ERROR_MEMORY);
      assert_null(found);
    }
    json_decref(found);
  }
  if (can_fail()) assert_in_range(failed, 20, MOST - 1);
  json_decref(right);
}

static void test_write(void **state) {
  (void)state;
  json_t *value;
  assert_int_equal(mixent_json_parse(text, strlen(text), 0, "it", &value), MIXENT_OK);
  mixent_status status = MIXENT_ERROR_MEMORY;
  long failed = 0;
  for (; can_fail() && failed < MOST && status != MIXENT_OK; failed++) {
    char *written;
    left = failed;
    status = mixent_json_write(json_incref(value), FLAGS, &written);
    left = -1;
    if (status == MIXENT_OK) assert_string_equal(written, text);
    if (status != MIXENT_OK) assert_int_equal(status, MIXENT_ERROR_MEMORY);
    free(written);
  }
  if (can_fail()) assert_in_range(failed, 5, MOST - 1);
  json_decref(value);
}

/* {"name": "b", "list": ["x"]}, or NULL. */
static json_t *build(void) {
  json_t *object = json_object(), *list = json_array();
  mixent_json_append(&list, json_string("x"));
  mixent_json_set(&object, "name", mixent_json_text("b"));
  mixent_json_set(&object, "list", list);
  return object;
}

static void test_build(void **state) {
  (void)state;
  json_t *found = NULL;
  char *written;
  long failed = 0;
  for (; can_fail() && failed < MOST && !found; failed++) {
    left = failed;
    found = build();
    left = -1;
    if (!found) assert_int_equal(mixent_json_write(found, FLAGS, &written), MIXENT_ERROR_MEMORY);
  }
  if (!can_fail()) found = build();
  assert_int_equal(json_object_size(found), 2);
  assert_int_equal(json_array_size(json_object_get(found, "list")), 1);
  json_decref(found);
}

static void test_what_is_no_utf8(void **state) {
  (void)state;
  char *written;
  json_t *object = json_object();
  mixent_json_set(&object, "name", json_string("\xff"));
  assert_null(object);
  assert_int_equal(mixent_json_write(object, FLAGS, &written), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "expected texts in UTF-8"));
  json_t *name = mixent_json_text("a\xff z");
  assert_string_equal(json_string_value(name), "a? z");
  json_decref(name);
}

static void test_what_is_no_json(void **state) {
  (void)state;
  json_t *found;
  assert_int_equal(mixent_json_parse("{\n \"a\" 3}", 9, 0, "it", &found), MIXENT_ERROR_FORMAT);
  assert_null(found);
  assert_non_null(strstr(mixent_last_error(), "it:2:"));
}

/* Before the library's constructors, and after its destructors: as at dlopen() and dlclose(). */
static json_malloc_t allocate_before;

__attribute__((constructor(101))) static void note_allocator(void) {
  json_free_t release;
  json_get_alloc_funcs(&allocate_before, &release);
}

__attribute__((destructor(101))) static void test_allocator_is_given_back(void) {
  json_malloc_t allocate;
  json_free_t release;
  json_get_alloc_funcs(&allocate, &release);
  if (allocate == allocate_before) return;
  fputs("jansson allocates by a function of a library that is unloaded\n", stderr);
  _exit(1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_write),
                                     cmocka_unit_test(test_build), cmocka_unit_test(test_what_is_no_utf8),
                                     cmocka_unit_test(test_what_is_no_json)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
