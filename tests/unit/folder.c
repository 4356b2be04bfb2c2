/* folder, tar, picture: images in folders and in archives are one set; damage of every kind gives a message. */
#include "picture_files.h"

#include "data/formats/picture.h"
#include "data/formats/tar.h"
#include "mixent/data.h"
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"train/cat/1.png", "train/ant/2.JPG",  "train/cat/0.jpeg",
                                    "test/ant/x.png",  "train/cat/10.png", "test/cat/y.jpg"};
enum { NAMES = sizeof names / sizeof *names };
static file_bytes archive;

/* The images as files below test_directory and in `archive`, a directory `prefix` before them there. */
static void make_set(const char *prefix, bool grey) {
  archive.size = 0;
  append_tar(&archive, "README.txt", '0', "hello", 5);
  for (int i = 0; i < NAMES; i++) {
    uint8_t *bytes;
    char folder[300], path[200];
    draw_pixels(i, SIDE, grey);
    size_t size = encode(names[i], SIDE, &bytes);
    snprintf(folder, sizeof folder, "%s/%s", test_directory, names[i]);
    *strrchr(folder, '/') = 0;
    assert_int_equal(mixent_directory_make(folder), MIXENT_OK);
    write_file(test_directory, names[i], bytes, size);
    snprintf(path, sizeof path, "%s%s", prefix, names[i]);
    append_tar(&archive, path, '0', bytes, size);
    free(bytes);
  }
  end_tar(&archive);
}

static void check_set(const mixent_dataset *dataset, int channels) {
  assert_int_equal(dataset->classes, 2);
  assert_string_equal(dataset->class_names[0], "ant");
  assert_string_equal(dataset->class_names[1], "cat");
  assert_int_equal(dataset->train.count, 4);
  assert_int_equal(dataset->test.count, 2);
  assert_int_equal(dataset->train.channels, channels);
  assert_int_equal(dataset->test.channels, channels);
  int32_t train[] = {0, 1, 1, 1}, test[] = {0, 1};
  assert_memory_equal(dataset->train.labels, train, sizeof train);
  assert_memory_equal(dataset->test.labels, test, sizeof test);
  const int drawn_as[] = {1, 2, 0, 4}; /* order: ant/2, cat/0, cat/1, cat/10 */
  for (int i = 0; i < 4; i++) {
    draw_pixels(drawn_as[i], SIDE, channels == 1);
    for (int j = 0; j < SIDE * SIDE * channels; j++) {
      int expected = pixels[channels == 3 ? j : 3 * j],
          is = dataset->train.pixels[i * SIDE * SIDE * channels + j];
      int tolerance = i < 2 ? 12 : 0; /* JPEG */
      if (abs(expected - is) > tolerance) fail_msg("image %d, sample %d: %d, not %d", i, j, is, expected);
    }
  }
}

static void test_folders_and_archives_are_one_set(void **state) {
  (void)state;
  static const char *const prefixes[] = {"", "./", "some-main/images/"};
  for (int i = 0; i < 6; i++) {
    make_set(prefixes[i % 3], i < 3);
    mixent_dataset *folders = open_set(test_directory);
    check_set(folders, i < 3 ? 1 : 3);
    char packed[300];
    snprintf(packed, sizeof packed, "%s/packed", test_directory);
    assert_int_equal(mixent_directory_make(packed), MIXENT_OK);
    const char *name = i % 2 ? "a.tar.gz" : "a.tar";
    write_data_file(packed, name, &archive);
    snprintf(packed + strlen(packed), sizeof packed - strlen(packed), "/%s", name);
    for (int named = 1; named >= 0; named--) { /* the archive by its name, and the directory that holds it */
      mixent_dataset *one = open_set(packed);
      check_set(one, i < 3 ? 1 : 3);
      assert_true(one->fingerprint == folders->fingerprint);
      mixent_dataset_free(one);
      if (named) *strrchr(packed, '/') = 0;
    }
    mixent_dataset_free(folders);
    assert_int_equal(mixent_directory_remove(packed), MIXENT_OK);
  }
}

static void test_each_fault_has_its_message(void **state) {
  (void)state;
  make_set("", false);
  uint8_t *bytes;
  draw_pixels(0, 17, false);
  size_t size = encode(".png", 17, &bytes);
  write_file(test_directory, "test/cat/y.jpg", bytes, size / 2);
  assert_open_fails(MIXENT_ERROR_FORMAT, test_directory, "test/cat/y.jpg: damaged or truncated PNG");
  free(bytes);
  size = encode(".jpg", SIDE, &bytes);
  for (size_t cut = 0; cut < size; cut += 7) {
    write_file(test_directory, "test/cat/y.jpg", bytes, cut);
    assert_open_fails(MIXENT_ERROR_FORMAT, test_directory, "test/cat/y.jpg: ");
  }
  write_file(test_directory, "test/cat/y.jpg", bytes, size);
  char path[300];
  snprintf(path, sizeof path, "%s/test/dog", test_directory);
  assert_int_equal(mixent_directory_make(path), MIXENT_OK);
  write_file(path, "z.jpg", bytes, size);
  free(bytes);
  assert_open_fails(MIXENT_ERROR_FORMAT, test_directory, "there is no class dog in train");
  snprintf(path, sizeof path, "%s/test", test_directory);
  assert_int_equal(mixent_directory_remove(path), MIXENT_OK);
  assert_open_fails(MIXENT_ERROR_FORMAT, test_directory,
                    "a directory train is in it, but none that is called test");
  assert_int_equal(mixent_directory_make(path), MIXENT_OK);
  assert_open_fails(MIXENT_ERROR_FORMAT, test_directory, "in test/CLASS/");
}

/* A set that lacks something is an error, never a smaller set. */
static void test_what_is_not_there(void **state) {
  (void)state;
  make_set("", false);
  char path[300];
  for (int kind = 0; kind < 3; kind++) {
    snprintf(path, sizeof path, "%s/train/%s", test_directory, kind == 2 ? "dog" : "cat/z.png");
    assert_int_equal(kind == 1 ? mkfifo(path, 0600) : symlink("nowhere", path), 0);
    assert_open_fails(MIXENT_ERROR_IO, test_directory,
                      kind == 2 ? "train/dog: no file that can be read"
                                : "cat/z.png: no file that can be read");
    assert_int_equal(unlink(path), 0);
  }
  /* a link to an image is one */
  snprintf(path, sizeof path, "%s/train/cat/z.png", test_directory);
  assert_int_equal(symlink("1.png", path), 0);
  mixent_dataset *dataset = open_set(test_directory);
  assert_int_equal(dataset->train.count, 5);
  mixent_dataset_free(dataset);
  assert_int_equal(unlink(path), 0);
  /* but not in an archive, whatever its kind; elsewhere in it links do not matter */
  for (char kind = '1'; kind <= '2'; kind++) {
    snprintf(path, sizeof path, "%s/packed", test_directory);
    assert_int_equal(mixent_directory_make(path), MIXENT_OK);
    archive.size -= 1024;
    append_tar(&archive, "LICENSE.png", kind, "", 0);
    end_tar(&archive);
    write_data_file(path, "a.tar", &archive);
    mixent_dataset_free(open_set(path));
    archive.size -= 1024;
    append_tar(&archive, "train/cat/z.png", kind, "", 0);
    end_tar(&archive);
    write_data_file(path, "a.tar", &archive);
    assert_open_fails(MIXENT_ERROR_UNSUPPORTED, path,
                      "train/cat/z.png is a link, or stored with holes; pack the files themselves");
    archive.size -= 512 + 1024;
    end_tar(&archive);
  }
}

static void test_names_are_text(void **state) {
  (void)state;
  static const char *const wrong[][2] = {
      {"caf\xe9", "'caf?'"}, {"a\x1b[31mred", "'a?[31mred'"}, {"two\nlines", "'two?lines'"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    make_set("", false);
    for (int part = 0; part < 2; part++) {
      char from[300], to[300];
      snprintf(from, sizeof from, "%s/%s/ant", test_directory, part ? "test" : "train");
      snprintf(to, sizeof to, "%s/%s/%s", test_directory, part ? "test" : "train", wrong[i][0]);
      assert_int_equal(rename(from, to), 0);
    }
    assert_open_fails(MIXENT_ERROR_FORMAT, test_directory, wrong[i][1]);
    for (int part = 0; part < 2; part++) {
      char path[300];
      snprintf(path, sizeof path, "%s/%s/%s", test_directory, part ? "test" : "train", wrong[i][0]);
      assert_int_equal(mixent_directory_remove(path), MIXENT_OK);
    }
  }
}

static void test_damaged_archives(void **state) {
  (void)state;
  make_set("", false);
  char packed[300];
  snprintf(packed, sizeof packed, "%s/packed", test_directory);
  assert_int_equal(mixent_directory_make(packed), MIXENT_OK);
  for (size_t cut = 0; cut + 1024 < archive.size; cut += 173) {
    write_file(packed, "a.tar", archive.data, cut);
    assert_open_fails(MIXENT_ERROR_FORMAT, packed, "a.tar: ");
  }
  archive.data[3] ^= 1;
  write_file(packed, "a.tar", archive.data, archive.size);
  assert_open_fails(MIXENT_ERROR_FORMAT, packed, "no header at byte 0");
  archive.data[3] ^= 1;
  archive.size -= 1024;
  append_tar(&archive, "other/train/cat/1.png", '0', "x", 1);
  end_tar(&archive);
  write_file(packed, "a.tar", archive.data, archive.size);
  assert_open_fails(MIXENT_ERROR_FORMAT, packed, "are of two data sets");
  write_file(packed, "b.tgz", archive.data, archive.size);
  assert_open_fails(MIXENT_ERROR_ARGUMENT, packed,
                    "a.tar and b.tgz in the same directory could both be the data set");
}

/* What unpacks to far more than its size is refused before it fills memory; here it would be 2 GB. */
static void test_bombs(void **state) {
  (void)state;
  enum { PIECE = 1 << 20, PIECES = 2000 };
  static file_bytes packed;
  uint8_t *zeros = calloc(1, PIECE);
  assert_non_null(zeros);
  packed.size = 0;
  append_gzip(&packed, zeros, PIECE);
  free(zeros);
  char *path = mixent_path_join(test_directory, "a.tar.gz");
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  for (int i = 0; i < PIECES; i++) assert_int_equal(fwrite(packed.data, packed.size, 1, stream), 1);
  assert_int_equal(fclose(stream), 0);
  assert_open_fails(MIXENT_ERROR_FORMAT, path, "a.tar.gz: unpacks to more than 50 times its size");
  /* plain and without end, as a file with holes is */
  assert_int_equal(truncate(path, (off_t)1 << 40), 0);
  assert_open_fails(MIXENT_ERROR_FORMAT, path, "a.tar.gz: more than 1073741824 bytes");
  free(path);
}

static mixent_status pass(void *context, const mixent_tar_member *member) {
  (void)context, (void)member;
  return MIXENT_OK;
}

/* Zeros where a header was must not end an archive early: the set would be a smaller one. */
static void test_zeroed_headers(void **state) {
  (void)state;
  make_set("", false);
  static file_bytes damaged;
  int headers = 0;
  bool short_end;
  for (size_t at = 0; at + 1024 < archive.size; at += 512) {
    if (memcmp(archive.data + at + 257, "ustar", 5) != 0) continue;
    for (size_t blocks = 1; blocks <= 2; blocks++, headers++) {
      damaged = archive;
      memset(damaged.data + at, 0, 512 * blocks);
      assert_int_equal(mixent_tar_walk("t", damaged.data, damaged.size, pass, NULL, &short_end),
                       MIXENT_ERROR_FORMAT);
      char where[64];
      snprintf(where, sizeof where, "zeros at byte %zu, where a header belongs", at);
      assert_message_has(where);
    }
  }
  assert_int_equal(headers, 2 * (1 + NAMES));
  /* archives are padded with zeros; they end in two blocks of them, and none joins another */
  damaged = archive;
  append_bytes(&damaged, (char[5120]){0}, 5120);
  assert_int_equal(mixent_tar_walk("t", damaged.data, damaged.size, pass, NULL, &short_end), MIXENT_OK);
  assert_false(short_end);
  for (size_t missing = 1; missing < 1024; missing += 511) { /* GNU tar warns, and takes it */
    damaged.size = archive.size - missing;
    assert_int_equal(mixent_tar_walk("t", damaged.data, damaged.size, pass, NULL, &short_end), MIXENT_OK);
    assert_true(short_end);
  }
  char path[400];
  snprintf(path, sizeof path, "%s/short", test_directory);
  assert_int_equal(mixent_directory_make(path), MIXENT_OK);
  write_data_file(path, "a.tar.gz", &damaged);
  mixent_dataset *dataset = open_set(path);
  assert_non_null(strstr(dataset->note, "passed-over: an archive's end of fewer than two blocks of zeros"));
  mixent_dataset_free(dataset);
  damaged.size = archive.size - 1024;
  assert_int_equal(mixent_tar_walk("t", damaged.data, damaged.size, pass, NULL, &short_end),
                   MIXENT_ERROR_FORMAT);
  assert_message_has("without the mark of an archive's end");
  damaged = archive;
  append_tar(&damaged, "more", '0', "x", 1);
  end_tar(&damaged);
  assert_int_equal(mixent_tar_walk("t", damaged.data, damaged.size, pass, NULL, &short_end),
                   MIXENT_ERROR_FORMAT);
  assert_message_has("several archives in one file");
}

static mixent_status note_path(void *context, const mixent_tar_member *member) {
  file_bytes *seen = context;
  append_bytes(seen, member->path, strlen(member->path));
  append_bytes(seen,
               member->bytes       ? "|"
               : member->directory ? "(directory)|"
                                   : "(no file)|",
               member->bytes       ? 1
               : member->directory ? 12
                                   : 10);
  return MIXENT_OK;
}

static void test_long_names(void **state) {
  (void)state;
  static file_bytes seen;
  archive.size = seen.size = 0;
  append_tar(&archive, "././@LongLink", 'L', "gnu/long", 9);
  append_tar(&archive, "gnu/lo", '0', "x", 1);
  append_tar(&archive, "PaxHeaders/x", 'x', "12 path=p/q\n11 mtime=1\n", 23);
  append_tar(&archive, "p", '0', "x", 1);
  append_tar(&archive, "directory/", '5', "", 0);
  append_tar(&archive, "holes", 'S', "x", 1);
  append_tar(&archive, "contiguous", '7', "x", 1);
  append_tar(&archive, "plain", '0', "x", 1);
  end_tar(&archive);
  assert_int_equal(mixent_tar_walk("t", archive.data, archive.size, note_path, &seen, &(bool){0}), MIXENT_OK);
  append_bytes(&seen, "", 1);
  assert_string_equal((char *)seen.data,
                      "gnu/long|p/q|directory/(directory)|holes(no file)|contiguous|plain|");
  archive.size = 0;
  append_tar(&archive, "PaxHeaders/x", 'x', "99 path=p/q\n", 12);
  end_tar(&archive);
  assert_int_equal(mixent_tar_walk("t", archive.data, archive.size, note_path, &seen, &(bool){0}),
                   MIXENT_ERROR_FORMAT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_IN_DIRECTORY(test_folders_and_archives_are_one_set),
      TEST_IN_DIRECTORY(test_each_fault_has_its_message),
      TEST_IN_DIRECTORY(test_what_is_not_there),
      TEST_IN_DIRECTORY(test_names_are_text),
      TEST_IN_DIRECTORY(test_damaged_archives),
      TEST_IN_DIRECTORY(test_zeroed_headers),
      TEST_IN_DIRECTORY(test_bombs),
      cmocka_unit_test(test_long_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
