/* core/file.h: what stands at a path that is written or read (links, devices, pipes, other writers), permissions,
 * directories that cannot be read to their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define assert_ok(expression) assert_int_equal(expression, MIXENT_OK)
#define assert_says(part)                                                                                    \
  do {                                                                                                       \
    if (!strstr(mixent_last_error(), part)) fail_msg("\"%s\" lacks \"%s\"", mixent_last_error(), part);      \
  } while (0)

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

/* A path in the test's directory, good until the fourth call after this one. */
static const char *in(const char *name) {
  static char paths[4][256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

static void write_text(const char *path, const char *text) {
  assert_ok(mixent_file_replace(path, text, strlen(text)));
}

static void assert_holds(const char *path, const char *text) {
  char *bytes;
  assert_ok(mixent_file_read(path, 1 << 20, &bytes, NULL));
  assert_string_equal(bytes, text);
  free(bytes);
}

static size_t count_names(void) {
  mixent_names names;
  assert_ok(mixent_directory_list(directory, &names));
  size_t count = names.count;
  mixent_names_free(&names);
  return count;
}

static mode_t kind_of(const char *path) {
  struct stat info;
  assert_int_equal(lstat(path, &info), 0);
  return info.st_mode & S_IFMT;
}

/* The link stays, be its target there or not; the temporary file stands beside the target. */
static void test_a_link_is_followed(void **state) {
  (void)state;
  assert_ok(mixent_directory_make(in("inner")));
  assert_int_equal(symlink("two", in("one")), 0);
  assert_int_equal(symlink("inner/three", in("two")), 0);
  write_text(in("one"), "first");
  assert_holds(in("inner/three"), "first");
  mixent_new_file file;
  assert_ok(mixent_new_file_open(in("one"), &file));
  char parent[256];
  snprintf(parent, sizeof parent, "%s/inner/.", directory);
  assert_memory_equal(file.temporary, parent, strlen(parent));
  fputs("second", file.stream);
  assert_ok(mixent_new_file_commit(&file));
  assert_holds(in("inner/three"), "second");
  assert_true(S_ISLNK(kind_of(in("one"))) && S_ISLNK(kind_of(in("two"))));
  assert_int_equal(symlink("round", in("round")), 0);
  assert_int_equal(mixent_file_replace(in("round"), "x", 1), MIXENT_ERROR_IO);
  assert_says("round");
}

/* What somebody put where a temporary file might be expected stays. */
static void test_temporary_names_cannot_be_foreseen(void **state) {
  (void)state;
  mixent_new_file a, b;
  write_text(in("precious"), "precious");
  assert_int_equal(symlink("precious", in("a.new")), 0);
  assert_ok(mixent_new_file_open(in("a"), &a));
  assert_ok(mixent_new_file_open(in("a"), &b));
  assert_string_not_equal(a.temporary, b.temporary);
  fputs("a", a.stream), fputs("b", b.stream);
  assert_ok(mixent_new_file_commit(&b));
  assert_ok(mixent_new_file_commit(&a));
  assert_holds(in("a"), "a");
  assert_holds(in("precious"), "precious");
  char longest[256] = "";
  memset(longest, 'n', 255 - 1);
  write_text(in(longest), "x"); /* the temporary file's name is no longer than this */
}

static void test_devices_and_pipes_stay(void **state) {
  (void)state;
  assert_int_equal(symlink("/dev/null", in("null")), 0);
  assert_int_equal(symlink("/dev/full", in("full")), 0);
  write_text(in("null"), "gone");
  assert_true(S_ISLNK(kind_of(in("null"))));
  assert_true(S_ISCHR(kind_of("/dev/null")));
  static const char much[1 << 16];
  for (size_t size = 1; size <= sizeof much; size *= sizeof much) { /* fails in the commit; fails before it */
    mixent_new_file file;
    assert_ok(mixent_new_file_open(in("full"), &file));
    fwrite(much, 1, size, file.stream);
    errno = EPERM; /* of something else */
    assert_int_equal(mixent_new_file_commit(&file), MIXENT_ERROR_IO);
    assert_says("No space left");
  }
  assert_int_equal(mkfifo(in("pipe"), 0600), 0);
  pid_t writer = fork();
  if (writer == 0) _exit(mixent_file_replace(in("pipe"), "through", 7) != MIXENT_OK);
  char bytes[16] = "";
  int state_of_writer, pipe = open(in("pipe"), O_RDONLY);
  while (read(pipe, bytes + strlen(bytes), 8) > 0) continue;
  close(pipe);
  assert_int_equal(waitpid(writer, &state_of_writer, 0), writer);
  assert_int_equal(state_of_writer, 0);
  assert_string_equal(bytes, "through");
  assert_true(S_ISFIFO(kind_of(in("pipe"))));
  assert_int_equal(count_names(), 3);
  if (geteuid() == 0 && mknod(in("device"), S_IFCHR | 0666, 1 << 8 | 3) == 0) { /* as /dev/null */
    int opened = open(in("device"), O_WRONLY);
    if (opened < 0) return; /* no devices on this disk */
    close(opened);
    write_text(in("device"), "gone");
    assert_true(S_ISCHR(kind_of(in("device"))));
  }
}

static mode_t permissions_of(const char *path) {
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  return info.st_mode & 07777;
}

static void test_permissions(void **state) {
  (void)state;
  mode_t before = umask(027);
  write_text(in("new"), "x");
  assert_int_equal(permissions_of(in("new")), 0640);
  static const mode_t modes[] = {0600, 0666, 0755};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    assert_int_equal(chmod(in("new"), modes[i]), 0);
    write_text(in("new"), "y");
    assert_int_equal(permissions_of(in("new")), modes[i]);
  }
  umask(before);
  if (geteuid() == 0) { /* root's new file stays its owner's */
    struct stat info;
    assert_int_equal(chown(in("new"), 12345, 54321), 0);
    write_text(in("new"), "z");
    assert_int_equal(stat(in("new"), &info), 0);
    assert_int_equal(info.st_uid, 12345);
    assert_int_equal(info.st_gid, 54321);
  }
  assert_int_equal(count_names(), 1);
}

enum { OWNER = 12345, GROUP = 23456, USER = 34567 };

/* The file OWNER:GROUP with `mode` as it stands when USER, a member of GROUP or not, has replaced it. Skips the test where
 * USER may not enter the test's directory, as in some containers. */
static struct stat replace_as_user(mode_t mode, bool member) {
  enum { CLOSED = 77 };
  write_text(in("shared"), "x");
  assert_int_equal(chown(in("shared"), OWNER, GROUP) + chmod(in("shared"), mode), 0);
  pid_t writer = fork();
  if (writer == 0) {
    gid_t group = GROUP;
    if (setgroups(member, &group) != 0 || setgid(USER) != 0 || setuid(USER) != 0) _exit(2);
    if (access(directory, X_OK) != 0) _exit(CLOSED);
    _exit(mixent_file_replace(in("shared"), "y", 1) != MIXENT_OK);
  }
  int ended;
  struct stat info;
  assert_int_equal(waitpid(writer, &ended, 0), writer);
  if (WIFEXITED(ended) && WEXITSTATUS(ended) == CLOSED) skip();
  assert_int_equal(ended, 0);
  assert_int_equal(stat(in("shared"), &info), 0);
  assert_int_equal(info.st_uid, USER);
  return info;
}

/* Whoever could not read or write the old file cannot read or write the new one. */
static void test_access_is_never_wider(void **state) {
  (void)state;
  if (geteuid() != 0) skip();
  assert_int_equal(chmod(directory, 0777), 0);
  struct stat info = replace_as_user(0660, true);
  assert_int_equal(info.st_gid, GROUP);
  assert_int_equal(info.st_mode & 07777, 0660);
  static const mode_t modes[][2] = {{0662, 0622}, {0606, 0600}, {0666, 0666}, {0642, 0600}};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    info = replace_as_user(modes[i][0], false);
    assert_int_equal(info.st_gid, USER);
    assert_int_equal(info.st_mode & 07777, modes[i][1]);
  }
}

/* All writers succeed, and the file is one of theirs, whole. */
static void test_writers_at_once(void **state) {
  (void)state;
  enum { WRITERS = 8, TIMES = 20, LENGTH = 1 << 16 };
  pid_t writers[WRITERS];
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = fork();
    if (writers[i] != 0) continue;
    char bytes[LENGTH];
    memset(bytes, 'a' + i, LENGTH);
    for (int j = 0; j < TIMES; j++)
      if (mixent_file_replace(in("shared"), bytes, LENGTH) != MIXENT_OK) _exit(1);
    _exit(0);
  }
  for (int i = 0; i < WRITERS; i++) {
    int ended;
    assert_int_equal(waitpid(writers[i], &ended, 0), writers[i]);
    assert_int_equal(ended, 0);
  }
  char *bytes;
  size_t size;
  assert_ok(mixent_file_read(in("shared"), LENGTH, &bytes, &size));
  assert_int_equal(size, LENGTH);
  for (size_t i = 1; i < size; i++) assert_int_equal(bytes[i], bytes[0]);
  free(bytes);
  assert_int_equal(count_names(), 1);
}

static void make_all_old(void) {
  mixent_names names;
  assert_ok(mixent_directory_list(directory, &names));
  for (size_t i = 0; i < names.count; i++)
    assert_int_equal(utimensat(AT_FDCWD, in(names.items[i]), (struct timespec[2]){{0}, {0}}, 0), 0);
  mixent_names_free(&names);
}

/* What a killed writer left does not hinder the next, and goes when the directory is swept; other files stay. */
static void test_leftovers(void **state) {
  (void)state;
  write_text(in("a"), "old");
  pid_t writer = fork();
  if (writer == 0) {
    mixent_new_file file;
    if (mixent_new_file_open(in("a"), &file) == MIXENT_OK) _exit(0);
    _exit(1);
  }
  int ended;
  assert_int_equal(waitpid(writer, &ended, 0), writer);
  assert_int_equal(ended, 0);
  write_text(in(".mixent-mine.new"), "mine");
  write_text(in("a"), "new");
  assert_int_equal(count_names(), 3);
  assert_ok(mixent_new_files_sweep(directory)); /* a living process could be writing it */
  assert_int_equal(count_names(), 3);
  make_all_old();
  assert_ok(mixent_new_files_sweep(directory));
  assert_int_equal(count_names(), 2);
  assert_holds(in("a"), "new");
  assert_holds(in(".mixent-mine.new"), "mine");
}

/* unlink of this program, which the library calls as well. */
static bool another_is_faster;

int unlink(const char *path) {
  int (*of_the_library)(const char *);
  *(void **)&of_the_library = dlsym(RTLD_NEXT, "unlink");
  if (another_is_faster) of_the_library(path);
  return of_the_library(path);
}

/* What another process removes is no error. */
static void test_two_sweepers(void **state) {
  (void)state;
  write_text(in(".mixent-0123456789abcdef.new"), "x");
  make_all_old();
  another_is_faster = true;
  mixent_status status = mixent_new_files_sweep(directory);
  another_is_faster = false;
  assert_ok(status);
  assert_int_equal(count_names(), 0);
}

static void assert_refused(const char *path, const char *kind) {
  char *bytes;
  assert_int_equal(mixent_file_read(path, (size_t)1 << 40, &bytes, NULL), MIXENT_ERROR_IO);
  assert_null(bytes);
  assert_says(path);
  assert_says(kind);
}

/* At once: a pipe has no writer, /dev/zero no end. */
static void test_only_files_are_read(void **state) {
  (void)state;
  assert_int_equal(mkfifo(in("pipe"), 0600), 0);
  assert_int_equal(symlink("/dev/zero", in("zero")), 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
  assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
  assert_refused(in("pipe"), "a pipe");
  assert_refused(in("zero"), "a character device");
  assert_refused(in("socket"), "a socket");
  assert_refused(directory, "a directory");
  close(server);
}

/* readdir of this program, which the library calls as well: fails with `readdir_error` after some names. */
static int names_left = -1, readdir_error;

struct dirent *readdir(DIR *stream) {
  struct dirent *(*of_the_library)(DIR *);
  *(void **)&of_the_library = dlsym(RTLD_NEXT, "readdir");
  if (names_left > 0) names_left--;
  if (names_left != 0) return of_the_library(stream);
  errno = readdir_error;
  return NULL;
}

static void test_a_directory_is_listed_whole_or_not_at_all(void **state) {
  (void)state;
  enum { FILES = 20 };
  char name[16];
  for (int i = FILES; i-- > 0;) {
    snprintf(name, sizeof name, "%c", 'a' + i);
    write_text(in(name), "x");
  }
  mixent_names names;
  assert_ok(mixent_directory_list(directory, &names));
  assert_int_equal(names.count, FILES);
  for (int i = 0; i < FILES; i++) assert_int_equal(names.items[i][0], 'a' + i);
  mixent_names_free(&names);
  for (int i = 1; i <= FILES; i++) {
    names_left = i, readdir_error = i % 2 ? EIO : ENOMEM;
    assert_int_equal(mixent_directory_list(directory, &names), i % 2 ? MIXENT_ERROR_IO : MIXENT_ERROR_MEMORY);
    assert_says(directory);
    assert_int_equal(names.count, 0);
  }
  names_left = -1;
  assert_int_equal(mixent_directory_list(in("none"), &names), MIXENT_ERROR_IO);
  assert_int_equal(mixent_directory_list(in("a"), &names), MIXENT_ERROR_IO);
}

/* The rest of the test runs without root's rights; it is skipped where another user may not even enter the test's directory, as in some containers. */
static void give_up_root(void) {
  if (geteuid() == 0) assert_int_equal(chown(directory, 65534, 65534) + seteuid(65534), 0);
  if (euidaccess(directory, X_OK) != 0) skip();
}

static int take_root(void **state) {
  if (getuid() == 0 && seteuid(0) != 0) return 1;
  chmod(directory, 0700);
  chmod(in("closed"), 0700);
  return teardown(state);
}

/* The reason is why it cannot be made, not that it is not there. */
static void test_a_directory_that_cannot_be_made(void **state) {
  (void)state;
  write_text(in("file"), "x");
  assert_int_equal(mixent_directory_make(in("file/inner")), MIXENT_ERROR_IO);
  assert_says("Not a directory");
  give_up_root();
  assert_int_equal(chmod(directory, 0500), 0);
  assert_int_equal(mixent_directory_make(in("a/b/c")), MIXENT_ERROR_IO);
  assert_int_equal(mixent_directory_make(in("inner")), MIXENT_ERROR_IO);
  assert_says("Permission denied; check its permissions");
  assert_int_equal(mixent_file_replace(in("new"), "x", 1), MIXENT_ERROR_IO);
  assert_says("Permission denied");
}

/* What may not be seen is not said to be missing. */
static void test_what_may_not_be_seen(void **state) {
  (void)state;
  assert_ok(mixent_directory_make(in("closed/inner")));
  assert_ok(mixent_path_check(in("closed/inner")));
  assert_ok(mixent_path_check(in("none")));
  assert_int_equal(chmod(in("closed"), 0), 0);
  give_up_root();
  assert_int_equal(mixent_path_check(in("closed/inner")), MIXENT_ERROR_IO);
  assert_says("Permission denied");
  mixent_path_kind kind;
  assert_int_equal(mixent_path_look(in("closed/inner"), &kind), MIXENT_ERROR_IO);
  assert_int_equal(kind, MIXENT_PATH_NOTHING);
  assert_int_equal(mixent_path_look_in(in("closed"), "inner", &kind), MIXENT_ERROR_IO);
  assert_says("closed/inner: Permission denied");
}

static void test_what_is_at_a_path(void **state) {
  (void)state;
  write_text(in("file"), "x");
  assert_ok(mixent_directory_make(in("inner")));
  assert_int_equal(mkfifo(in("pipe"), 0600) + symlink("none", in("nowhere")) + symlink("file", in("link")),
                   0);
  assert_int_equal(symlink("round", in("round")), 0);
  const struct {
    const char *name;
    mixent_path_kind kind;
  } cases[] = {{"file", MIXENT_PATH_FILE},       {"link", MIXENT_PATH_FILE},
               {"inner", MIXENT_PATH_DIRECTORY}, {"pipe", MIXENT_PATH_OTHER},
               {"none", MIXENT_PATH_NOTHING},    {"nowhere", MIXENT_PATH_NOTHING},
               {"file/x", MIXENT_PATH_NOTHING}};
  mixent_path_kind kind;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_ok(mixent_path_look(in(cases[i].name), &kind));
    assert_int_equal(kind, cases[i].kind);
    assert_ok(mixent_path_look_in(directory, cases[i].name, &kind));
    assert_int_equal(kind, cases[i].kind);
  }
  assert_int_equal(mixent_path_look(in("round"), &kind), MIXENT_ERROR_IO);
  char longest[5000];
  memset(longest, 'n', sizeof longest - 1), longest[sizeof longest - 1] = 0;
  assert_int_equal(mixent_path_look_in(directory, longest, &kind), MIXENT_ERROR_IO);
  assert_says("File name too long");
}

static void test_write_protection(void **state) {
  (void)state;
  write_text(in("file"), "x");
  assert_int_equal(chmod(in("file"), 0444), 0);
  give_up_root();
  assert_int_equal(mixent_file_replace(in("file"), "z", 1), MIXENT_ERROR_IO);
  assert_says("Permission denied");
  assert_holds(in("file"), "x");
  assert_int_equal(count_names(), 1);
}

int main(void) {
#define TEST(name)    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define AS_USER(name) cmocka_unit_test_setup_teardown(name, setup, take_root)
  const struct CMUnitTest tests[] = {
      TEST(test_a_link_is_followed),
      TEST(test_temporary_names_cannot_be_foreseen),
      TEST(test_devices_and_pipes_stay),
      TEST(test_permissions),
      TEST(test_access_is_never_wider),
      TEST(test_writers_at_once),
      TEST(test_leftovers),
      TEST(test_two_sweepers),
      TEST(test_only_files_are_read),
      TEST(test_a_directory_is_listed_whole_or_not_at_all),
      AS_USER(test_a_directory_that_cannot_be_made),
      AS_USER(test_what_may_not_be_seen),
      TEST(test_what_is_at_a_path),
      AS_USER(test_write_protection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
