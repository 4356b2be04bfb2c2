/* collection: which files of a set in folders are images, the same in a directory and in its archive. Nothing vanishes
 * without a word. */
#include "picture_files.h"

#include "data/formats/picture.h"
#include <sys/stat.h>
#include <unistd.h>

static file_bytes archive;
static char set[300], packed[300]; /* the directory of the set, and that of its archive */

static int begin(void **state) {
  archive.size = 0;
  if (make_directory(state)) return -1;
  snprintf(set, sizeof set, "%s/set", test_directory);
  snprintf(packed, sizeof packed, "%s/packed", test_directory);
  return mixent_directory_make(set) || mixent_directory_make(packed);
}

static void put_bytes(const char *path, const void *bytes, size_t size) {
  char folder[600];
  snprintf(folder, sizeof folder, "%s/%s", set, path);
  *strrchr(folder, '/') = 0;
  assert_int_equal(mixent_directory_make(folder), MIXENT_OK);
  write_file(set, path, bytes, size);
  append_tar(&archive, path, '0', bytes, size);
}

/* A file in the set's directory and in its archive: a picture, if the name is one of a picture. */
static void put(const char *path) {
  static int drawn_before;
  uint8_t *bytes = NULL;
  if (!strstr(path, ".png") && !strstr(path, ".PNG")) {
    put_bytes(path, "hello", 5);
    return;
  }
  draw_pixels(drawn_before++ % 8, SIDE, false);
  size_t size = encode(".png", SIDE, &bytes);
  put_bytes(path, bytes, size);
  free(bytes);
}

static void put_all(const char *const *paths) {
  for (; *paths; paths++) put(*paths);
}

static void put_folder(const char *path) {
  char folder[600];
  snprintf(folder, sizeof folder, "%s/%s", set, path);
  assert_int_equal(mixent_directory_make(folder), MIXENT_OK);
  snprintf(folder, sizeof folder, "%s/", path);
  append_tar(&archive, folder, '5', "", 0);
}

static void pack(void) {
  end_tar(&archive);
  write_data_file(packed, "a.tar.gz", &archive);
}

/* The directory's set, which is the archive's. */
static mixent_dataset *open_both(void) {
  pack();
  mixent_dataset *folders = open_set(set), *one = open_set(packed);
  assert_true(one->fingerprint == folders->fingerprint);
  assert_int_equal(one->classes, folders->classes);
  for (int k = 0; k < one->classes; k++) assert_string_equal(one->class_names[k], folders->class_names[k]);
  assert_int_equal(one->note == NULL, folders->note == NULL);
  if (one->note) assert_string_equal(one->note, folders->note);
  mixent_dataset_free(one);
  return folders;
}

static void both_fail(mixent_status status, const char *message) {
  pack();
  assert_open_fails(status, set, message);
  assert_open_fails(status, packed, message);
}

static const char *const plain[] = {"train/ant/1.png", "train/cat/1.png", "test/ant/1.png", "test/cat/1.png",
                                    NULL};

static void test_any_depth_below_a_class(void **state) {
  (void)state;
  put_all(plain);
  put("train/owl/young/a/1.png");
  put("train/owl/old/1.png");
  put("train/owl/2.png");
  put("test/owl/x/y/z/1.png");
  put("train/cat/.hidden/1.png");
  put("train/cat/._1.png");
  mixent_dataset *dataset = open_both();
  assert_int_equal(dataset->classes, 3);
  assert_string_equal(dataset->class_names[2], "owl");
  assert_int_equal(dataset->train.count, 5);
  assert_int_equal(dataset->test.count, 3);
  assert_int_equal(dataset->test.labels[2], 2);
  assert_null(dataset->note);
  mixent_dataset_free(dataset);
}

static void test_what_is_passed_over_is_said(void **state) {
  (void)state;
  put_all(plain);
  put("train/cat/a.gif");
  put("train/cat/b.GIF");
  put("train/cat/more/c.gif");
  put("test/ant/Thumbs.db");
  put("test/ant/\x1b[31m");
  put("train/loose.png");
  put("extra/cat/1.png");
  put("README.txt");
  mixent_dataset *dataset = open_both();
  assert_int_equal(dataset->train.count, 2);
  assert_string_equal(dataset->note, "passed-over: 5 files that are no " MIXENT_PICTURE_ENDINGS
                                     " (3 .gif, 1 .db, 1 other); 1 image in "
                                     "no class folder; folders beside train and test: extra");
  mixent_dataset_free(dataset);
}

/* As macOS packs a set: beside it the notes on its files, also where the set is in one part. */
static void test_notes_of_macos(void **state) {
  (void)state;
  put("cat/1.png"), put("cat/2.png");
  put("dog/1.png"), put("dog/2.png");
  put_folder("__MACOSX");
  put_folder("__MACOSX/cat");
  put("__MACOSX/._cat");
  put("__MACOSX/cat/._1.png");
  mixent_dataset *dataset = open_both();
  assert_int_equal(dataset->classes, 2);
  assert_int_equal(dataset->train.count + dataset->test.count, 4);
  assert_null(dataset->note);
  mixent_dataset_free(dataset);
}

static void test_many_kinds(void **state) {
  (void)state;
  put_all(plain);
  for (int i = 0; i < 40; i++) {
    char name[40];
    snprintf(name, sizeof name, "train/cat/x.k%02d", i);
    put(name);
    snprintf(name, sizeof name, "beside%02d/cat/1.png", i);
    if (i < 12) put(name);
  }
  mixent_dataset *dataset = open_both();
  assert_non_null(
      strstr(dataset->note, "passed-over: 40 files that are no " MIXENT_PICTURE_ENDINGS " (1 .k00, 1 .k01"));
  assert_non_null(strstr(dataset->note, "1 .k23, 16 others)"));
  assert_non_null(strstr(dataset->note, "beside00, beside01"));
  assert_non_null(strstr(dataset->note, "beside07 and others"));
  mixent_dataset_free(dataset);
}

static void test_a_class_without_images(void **state) {
  (void)state;
  put_all(plain);
  put("train/owl/1.gif");
  put("train/owl/more/2.tif");
  put("test/owl/1.png");
  both_fail(MIXENT_ERROR_FORMAT,
            "no " MIXENT_PICTURE_ENDINGS " in the class folder train/owl (2 other files)");
}

static void test_an_empty_class(void **state) {
  (void)state;
  put_all(plain);
  put_folder("test/owl");
  both_fail(MIXENT_ERROR_FORMAT, "in the class folder test/owl (0 other files)");
}

#define NFC "\xc3\xa9l\xc3\xa9phant"
#define NFD "e\xcc\x81le\xcc\x81phant"

static void test_one_name_in_two_spellings(void **state) {
  (void)state;
  put_all(plain);
  put("train/" NFC "/1.png");
  put("train/" NFD "/2.png");
  put("test/" NFD "/1.png");
  mixent_dataset *dataset = open_both();
  assert_int_equal(dataset->classes, 3);
  assert_string_equal(dataset->class_names[2], NFC);
  assert_int_equal(dataset->train.count, 4);
  assert_int_equal(dataset->test.labels[2], 2);
  mixent_dataset_free(dataset);
}

static void test_names_of_the_parts(void **state) {
  (void)state;
  static const char *const spellings[][2] = {
      {"Train", "Test"}, {"training", "testing"}, {"TRAINING", "test"}};
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    assert_int_equal(mixent_directory_empty(set), MIXENT_OK);
    archive.size = 0;
    for (int k = 0; plain[k]; k++) {
      char path[100];
      bool test = strncmp(plain[k], "test", 4) == 0;
      snprintf(path, sizeof path, "%s%s", spellings[i][test], strchr(plain[k], '/'));
      put(path);
    }
    mixent_dataset *dataset = open_both();
    assert_true(dataset->classes == 2 && dataset->train.count == 2 && dataset->test.count == 2);
    assert_null(dataset->note);
    mixent_dataset_free(dataset);
  }
  archive.size -= 1024;
  put("Test/cat/1.png");
  pack();
  assert_open_fails(MIXENT_ERROR_ARGUMENT, set, "beside it could be the same part; keep one of them");
  assert_open_fails(MIXENT_ERROR_FORMAT, packed, "beside it could be the same part; keep one of them");
}

/* Classes that are called as the parts are, and archives of a directory that is. */
static void test_train_is_a_class(void **state) {
  (void)state;
  static const char *const trains[] = {"train/ship/1.png", "train/train/1.png", "test/ship/1.png",
                                       "test/train/1.png", NULL};
  for (int round = 0; round < 2; round++) {
    archive.size = 0;
    put_all(trains);
    if (round) { /* the same in a directory test */
      archive.size = 0;
      for (int k = 0; trains[k]; k++) {
        char path[600], *bytes;
        size_t size;
        snprintf(path, sizeof path, "%s/%s", set, trains[k]);
        assert_int_equal(mixent_file_read(path, 1 << 16, &bytes, &size), MIXENT_OK);
        snprintf(path, sizeof path, "test/%s", trains[k]);
        append_tar(&archive, path, '0', bytes, size);
        free(bytes);
      }
    }
    mixent_dataset *dataset = open_both();
    assert_int_equal(dataset->classes, 2);
    assert_string_equal(dataset->class_names[1], "train");
    mixent_dataset_free(dataset);
  }
}

/* A validation part of the set's own, under each name it may have. */
static void test_a_validation_part(void **state) {
  (void)state;
  static const char *const spellings[] = {"val", "Valid", "VALIDATION"};
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    assert_int_equal(mixent_directory_empty(set), MIXENT_OK);
    archive.size = 0;
    put_all(plain);
    char path[100];
    for (int k = 0; k < 3; k++) {
      snprintf(path, sizeof path, "%s/cat/%d.png", spellings[i], k);
      put(path);
    }
    mixent_dataset *dataset = open_both();
    assert_true(dataset->train.count == 5 && dataset->validation_count == 3 && dataset->test.count == 2);
    for (int k = 2; k < 5; k++) assert_int_equal(dataset->train.labels[k], 1);
    assert_true(!dataset->cut && !dataset->note);
    mixent_dataset_free(dataset);
  }
  archive.size -= 1024;
  put("VALIDATION/owl/1.png");
  both_fail(MIXENT_ERROR_FORMAT, "there is no class owl in train");
}

/* Train and validation parts alone: a fifth of train is cut off for testing, none of validation. */
static void test_no_test_part(void **state) {
  (void)state;
  for (int class = 0; class < 2; class ++)
    for (int i = 0; i < 10; i++) {
      char path[100];
      snprintf(path, sizeof path, "train/%s/%d.png", class ? "cat" : "ant", i);
      put(path);
      snprintf(path, sizeof path, "val/%s/%d.png", class ? "cat" : "ant", i);
      if (i < 3) put(path);
    }
  mixent_dataset *dataset = open_both();
  assert_true(dataset->cut && dataset->validation_count == 6 && dataset->test.count == 4);
  assert_int_equal(dataset->train.count, 16 + 6);
  int counts[2] = {0};
  for (size_t i = 0; i < dataset->test.count; i++) counts[dataset->test.labels[i]]++;
  assert_true(counts[0] == 2 && counts[1] == 2);
  mixent_dataset_free(dataset);
}

/* Class folders alone, nested and with an image in none of them. */
static void test_one_part(void **state) {
  (void)state;
  for (int class = 0; class < 3; class ++)
    for (int i = 0; i < 5 * (class + 1); i++) {
      char path[100];
      snprintf(path, sizeof path, "%s/%s%d.png",
               class == 2 ? "owl"
               : class    ? "cat"
                          : "ant",
               i % 2 ? "more/" : "", i);
      put(path);
    }
  put("loose.png");
  put("cat/.hidden/1.png");
  mixent_dataset *dataset = open_both();
  assert_true(dataset->cut && dataset->pictures && dataset->classes == 3);
  assert_true(dataset->train.count == 24 && dataset->test.count == 6);
  assert_string_equal(dataset->note, "passed-over: 1 image in no class folder");
  int counts[3] = {0};
  for (size_t i = 0; i < dataset->test.count; i++) counts[dataset->test.labels[i]]++;
  assert_true(counts[0] == 1 && counts[1] == 2 && counts[2] == 3);
  mixent_dataset_free(dataset);
  archive.size -= 1024;
  put_folder("empty");
  both_fail(MIXENT_ERROR_FORMAT, "in the class folder empty (0 other files)");
}

/* A list of the pictures beside their folders is not silently read as the set. */
static void test_a_table_beside_the_folders(void **state) {
  (void)state;
  put("ant/1.png");
  put("ant/2.png");
  put("cat/1.png");
  put("cat/2.png");
  static const char table[] = "size,label\n1,a\n2,b\n3,a\n4,b\n";
  put_bytes("./labels.csv", table, sizeof table - 1);
  assert_open_fails(MIXENT_ERROR_ARGUMENT, set,
                    "labels.csv and the folders of pictures beside it could both be");
  char path[400];
  snprintf(path, sizeof path, "%s/labels.csv", set);
  mixent_dataset *dataset = open_set(path);
  assert_non_null(dataset->train.features);
  mixent_dataset_free(dataset);
  assert_int_equal(unlink(path), 0);
  dataset = open_set(set);
  assert_true(dataset->pictures);
  mixent_dataset_free(dataset);
}

/* A directory around the set, as unpacking leaves it: the message names the one within. */
static void test_one_folder_too_high(void **state) {
  (void)state;
  put("set/ant/1.png");
  put("set/ant/2.png");
  put("set/cat/1.png");
  put("set/cat/2.png");
  pack();
  assert_open_fails(MIXENT_ERROR_FORMAT, set, "no data set in it, but one in ");
  assert_message_has("/set/set; name that directory");
  mixent_dataset_free(open_set(packed)); /* the directories around the set do not matter in an archive */
  put_folder("other");
  assert_open_fails(MIXENT_ERROR_FORMAT, set, "no data set in it; one of these is read:");
}

/* What is nearly a set is told what it lacks, not which formats there are. */
static void test_pictures_without_classes(void **state) {
  (void)state;
  put("1.png");
  put("2.png");
  assert_open_fails(MIXENT_ERROR_FORMAT, set,
                    "no data set in it: its pictures lie in no class folder; put those");
  pack();
  assert_open_fails(MIXENT_ERROR_FORMAT, packed,
                    "no data set in it: its pictures lie in no class folder, or all in one");
  put("ant/deep/1.png");
  assert_open_fails(MIXENT_ERROR_FORMAT, set,
                    "no data set in it: only the folder 'ant' has pictures; a classifier");
  put_folder("empty");
  assert_open_fails(MIXENT_ERROR_FORMAT, set, "only the folder 'ant' has pictures");
}

/* train alone is a set with something missing, in an archive, too; but class folders where it is named itself. */
static void test_train_alone(void **state) {
  (void)state;
  put("train/ant/1.png");
  put("train/ant/2.png");
  put("train/cat/1.png");
  put("train/cat/2.png");
  pack();
  assert_open_fails(MIXENT_ERROR_FORMAT, set, "a directory train is in it, but none that is called test");
  assert_open_fails(MIXENT_ERROR_FORMAT, packed, "in test/CLASS/");
  char train[400];
  snprintf(train, sizeof train, "%s/train", set);
  mixent_dataset *dataset = open_set(train);
  assert_true(dataset->cut && dataset->train.count == 2 && dataset->test.count == 2);
  mixent_dataset_free(dataset);
}

static void link_to(const char *target, const char *path) {
  char link[600];
  snprintf(link, sizeof link, "%s/%s", set, path);
  assert_int_equal(symlink(target, link), 0);
}

static void test_links(void **state) {
  (void)state;
  put_all(plain);
  put("train/cat/more/2.png");
  link_to("../ant", "train/cat/ants"); /* another directory is followed */
  mixent_dataset *dataset = open_set(set);
  assert_int_equal(dataset->train.count, 4);
  mixent_dataset_free(dataset);
  link_to("..", "train/cat/more/up");
  assert_open_fails(MIXENT_ERROR_IO, set, "train/cat/more/up: the same directory as ");
  assert_message_has("/set/train/cat, by a link; take the link away");
  char path[600];
  snprintf(path, sizeof path, "%s/train/cat/more/up", set);
  assert_int_equal(unlink(path), 0);
  link_to("self", "train/self");
  assert_open_fails(MIXENT_ERROR_IO, set, "train/self: no file that can be read");
}

/* Two links to the next level from each: 2^18 paths to 18 directories. */
static void test_links_do_not_multiply(void **state) {
  (void)state;
  put_all(plain);
  for (int level = 0; level < 18; level++) {
    char path[80], target[80];
    snprintf(path, sizeof path, "chain/%d/x.png", level);
    put(path);
    snprintf(target, sizeof target, "../%d", level + 1);
    for (int i = 0; i < 2 && level < 17; i++) {
      snprintf(path, sizeof path, "chain/%d/%c", level, "ab"[i]);
      link_to(target, path);
    }
  }
  link_to("../../chain/0", "train/cat/chain");
  assert_open_fails(MIXENT_ERROR_IO, set, "/b: the same directory as ");
}

#define TEST_OF_SETS(name) cmocka_unit_test_setup_teardown(name, begin, remove_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST_OF_SETS(test_any_depth_below_a_class),
      TEST_OF_SETS(test_what_is_passed_over_is_said),
      TEST_OF_SETS(test_notes_of_macos),
      TEST_OF_SETS(test_many_kinds),
      TEST_OF_SETS(test_a_class_without_images),
      TEST_OF_SETS(test_an_empty_class),
      TEST_OF_SETS(test_one_name_in_two_spellings),
      TEST_OF_SETS(test_names_of_the_parts),
      TEST_OF_SETS(test_train_is_a_class),
      TEST_OF_SETS(test_a_validation_part),
      TEST_OF_SETS(test_no_test_part),
      TEST_OF_SETS(test_one_part),
      TEST_OF_SETS(test_train_alone),
      TEST_OF_SETS(test_a_table_beside_the_folders),
      TEST_OF_SETS(test_one_folder_too_high),
      TEST_OF_SETS(test_pictures_without_classes),
      TEST_OF_SETS(test_links),
      TEST_OF_SETS(test_links_do_not_multiply),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
