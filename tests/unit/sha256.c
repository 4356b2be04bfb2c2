/* core/sha256: the standard's examples, every length around a block, and pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sha256.h"
#include <stdlib.h>
#include <string.h>

static const char *digest(const void *bytes, size_t count, size_t piece) {
  static char text[65];
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  for (size_t at = 0; at < count; at += piece)
    mixent_sha256_add(&hash, (const char *)bytes + at, count - at < piece ? count - at : piece);
  mixent_sha256_end(&hash, text);
  return text;
}

static void test_examples(void **state) {
  (void)state;
  const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  assert_string_equal(digest("", 0, 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_string_equal(digest("abc", 3, 3),
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_string_equal(digest(two_blocks, 56, 56),
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  char *million = malloc(1000000);
  assert_non_null(million);
  memset(million, 'a', 1000000);
  assert_string_equal(digest(million, 1000000, 777),
                      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  free(million);
}

/* The digest of the digests of 0, 1, ..., 199 bytes 'x'; the value is from Python's hashlib. */
static void test_lengths_and_pieces(void **state) {
  (void)state;
  char bytes[200];
  memset(bytes, 'x', sizeof bytes);
  for (size_t piece = 1; piece < 200; piece += 31) {
    mixent_sha256 all;
    mixent_sha256_begin(&all);
    for (size_t count = 0; count < 200; count++) mixent_sha256_add(&all, digest(bytes, count, piece), 64);
    char text[65];
    mixent_sha256_end(&all, text);
    assert_string_equal(text, "f61ffcc417e1f0e59eba2da7fa32fbe05b64e478b68c6bacf990455f00248b98");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples),
      cmocka_unit_test(test_lengths_and_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
