/* A run's directory: creation by rename, lock, metrics.jsonl. */
#include "run/directory.h"
#include "core/file.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST_METRICS = 1 << 28 };

/* Whether what was opened is what stands at `path`. */
static mixent_status stands_at(int descriptor, const char *path, bool *out) {
  struct stat opened, named;
  bool there;
  *out = false;
  if (fstat(descriptor, &opened) != 0) return mixent_fail_errno("look at", path);
  MIXENT_TRY(mixent_path_stat(path, &named, &there));
  *out = there && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
  return MIXENT_OK;
}

/* Locks the directory at `path`; the lock ends with the process, however it ends. What was moved or removed between
 * the opening and the lock is not what stands there: whoever holds a lock holds that of the directory at `path`. */
static mixent_status lock_directory(const char *path, int *lock) {
  /* who only looks whether a run is being trained holds its lock for a moment */
  enum { TRIES = 20, PAUSE = 10000000 };
  for (int i = 0; i < TRIES; i++) {
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0) return mixent_fail_errno("open directory", path);
    bool taken =
        flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; /* else: no locks on that disk */
    bool here = false;
    mixent_status status = taken ? MIXENT_OK : stands_at(*lock, path, &here);
    if (here) return MIXENT_OK;
    close(*lock);
    *lock = -1;
    if (status != MIXENT_OK) return status;
    if (taken) nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
  }
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s: another process is training this run; wait for it or stop it", path);
}

bool mixent_run_directory_is_locked(const char *path) {
  int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) return false;
  bool locked = flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(lock);
  return locked;
}

static mixent_status name_files(mixent_run_directory *run) {
  static const char *const names[] = {"recipe.yaml",      "plan.yaml",        "metrics.jsonl",
                                      "last.safetensors", "best.safetensors", "predictions.safetensors",
                                      "summary.json",     "failure.txt"};
  char **paths[] = {&run->recipe, &run->plan,        &run->metrics, &run->last,
                    &run->best,   &run->predictions, &run->summary, &run->failure};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    free(*paths[i]);
    *paths[i] = mixent_path_join(run->path, names[i]);
    if (!*paths[i]) return MIXENT_ERROR_MEMORY;
  }
  return MIXENT_OK;
}

/* "runs/a/" -> "runs/a", or with an ending, of directories that are ours alone, "runs/.a.new": hidden, so
 * that none is met that somebody named. */
static char *place_with(const char *place, const char *ending) {
  size_t length = strlen(place), parent;
  while (length > 1 && place[length - 1] == '/') length--;
  for (parent = length; parent > 0 && place[parent - 1] != '/';) parent--;
  char *path;
  mixent_print_text(&path, "%.*s%s%.*s%s", (int)parent, place, *ending ? "." : "", (int)(length - parent),
                    place + parent, ending);
  return path;
}

static mixent_status fail_exists(const char *place) {
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "%s exists; go on with it by --resume %s, replace it by --overwrite, or name another by --run", place,
      place);
}

/* The lock of what --overwrite replaces; -1 where nothing stands. */
static mixent_status lock_replaced(const char *place, bool overwrite, int *lock) {
  mixent_path_kind kind, recipe;
  *lock = -1;
  MIXENT_TRY(mixent_path_look(place, &kind));
  if (kind == MIXENT_PATH_NOTHING) return MIXENT_OK; /* a link to nowhere is made true */
  if (!overwrite) return fail_exists(place);
  MIXENT_TRY(mixent_path_look_in(place, "recipe.yaml", &recipe));
  if (recipe != MIXENT_PATH_FILE)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s holds no recipe.yaml, so it is no run and is not overwritten", place);
  return lock_directory(place, lock);
}

mixent_status mixent_run_directory_check(const char *place, bool overwrite) {
  int lock;
  MIXENT_TRY(lock_replaced(place, overwrite, &lock));
  if (lock >= 0) close(lock);
  return MIXENT_OK;
}

/* Makes the directory, or takes one that an ended process left, and locks it. Of several processes one gets it: the
 * lock decides, not mkdir. Where the directory goes away meanwhile, because its owner has put it in its place or has given
 * up, the next try makes another. */
static mixent_status lock_new(mixent_run_directory *run) {
  enum { TRIES = 20 };
  struct stat info;
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < TRIES; i++) {
    if (mkdir(run->path, 0777) != 0 && errno != EEXIST) return mixent_fail_errno("make directory", run->path);
    if (lstat(run->path, &info) == 0 && !S_ISDIR(info.st_mode))
      return mixent_fail(MIXENT_ERROR_IO, "cannot make directory %s: something else stands there; remove it",
                         run->path);
    status = lock_directory(run->path, &run->lock);
    if (status == MIXENT_OK) return mixent_directory_empty(run->path);
    if (status == MIXENT_ERROR_ARGUMENT) break; /* its owner is at work */
  }
  return status;
}

static mixent_status make_locked(mixent_run_directory *run) {
  char *parent;
  MIXENT_TRY(mixent_copy_text(run->path, &parent));
  char *slash = strrchr(parent, '/');
  mixent_status status = MIXENT_OK;
  if (slash && slash != parent) {
    *slash = 0;
    status = mixent_directory_make(parent);
  }
  free(parent);
  MIXENT_TRY(status);
  return lock_new(run);
}

mixent_status mixent_run_directory_begin(const char *place, mixent_run_directory *out) {
  char *target;
  *out = (mixent_run_directory){.lock = -1};
  MIXENT_TRY(mixent_path_follow(place, &target));
  out->place = place_with(target, "");
  out->path = place_with(target, ".new");
  free(target);
  mixent_status status = out->place && out->path ? make_locked(out) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = name_files(out);
  if (status != MIXENT_OK) mixent_run_directory_close(out);
  return status;
}

/* Never onto another run: rename replaces an empty directory alone. */
static mixent_status move_in(const mixent_run_directory *run) {
  if (rename(run->path, run->place) == 0) return MIXENT_OK;
  return errno == EEXIST || errno == ENOTEMPTY ? fail_exists(run->place)
                                               : mixent_fail_errno("rename a new run to", run->place);
}

/* In two steps, between which nothing is there. */
static mixent_status move_away_and_in(const mixent_run_directory *run, const char *old) {
  MIXENT_TRY(mixent_directory_remove(old));
  if (rename(run->place, old) != 0) return mixent_fail_errno("move away", run->place);
  mixent_status status = move_in(run);
  if (status != MIXENT_OK)
    rename(old, run->place); /* what is there goes only when something else stands there */
  return status;
}

/* The new run takes the old one's place at once, where the file system can do that; the old one ends up in
 * *left (free()). */
static mixent_status change_places(const mixent_run_directory *run, char **left) {
  if (mixent_paths_exchange(run->path, run->place) == 0) {
    return mixent_copy_text(run->path, left);
  }
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
    return mixent_fail_errno("put a new run in the place of", run->place);
  *left = place_with(run->place, ".old");
  return *left ? move_away_and_in(run, *left) : MIXENT_ERROR_MEMORY;
}

mixent_status mixent_run_directory_publish(mixent_run_directory *run, bool overwrite) {
  char *left = NULL, *path;
  int replaced = -1; /* locked until it is removed: nobody begins to train it meanwhile */
  mixent_status status = mixent_copy_text(run->place, &path);
  if (status == MIXENT_OK) status = mixent_directory_sync(run->path);
  if (status == MIXENT_OK) status = lock_replaced(run->place, overwrite, &replaced);
  if (status == MIXENT_OK) status = replaced >= 0 ? change_places(run, &left) : move_in(run);
  if (status == MIXENT_OK) { /* from here on what has the old path is not this run */
    free(run->path);
    run->path = path, path = NULL;
    status = mixent_parent_sync(run->place);
  }
  if (status == MIXENT_OK && left) status = mixent_directory_remove(left);
  if (replaced >= 0) close(replaced);
  free(left);
  free(path);
  return status == MIXENT_OK ? name_files(run) : status;
}

mixent_status mixent_run_directory_lock(const char *path, int *lock) {
  return lock_directory(path, lock);
}

mixent_status mixent_run_directory_name(const char *place, mixent_run_directory *out) {
  *out = (mixent_run_directory){.lock = -1};
  out->place = place_with(place, "");
  out->path = place_with(place, "");
  mixent_status status = out->place && out->path ? name_files(out) : MIXENT_ERROR_MEMORY;
  if (status != MIXENT_OK) mixent_run_directory_close(out);
  return status;
}

mixent_status mixent_run_directory_open(const char *place, mixent_run_directory *out) {
  *out = (mixent_run_directory){.lock = -1};
  mixent_path_kind kind, recipe, last;
  MIXENT_TRY(mixent_path_look(place, &kind));
  if (kind != MIXENT_PATH_DIRECTORY)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: no such run; 'mixent train' starts one", place);
  MIXENT_TRY(mixent_path_look_in(place, "recipe.yaml", &recipe));
  MIXENT_TRY(mixent_path_look_in(place, "last.safetensors", &last));
  MIXENT_TRY(mixent_run_directory_name(place, out));
  mixent_status status = MIXENT_OK;
  if (recipe != MIXENT_PATH_FILE || last != MIXENT_PATH_FILE)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: no run, for %s is not in it", place,
                         recipe == MIXENT_PATH_FILE ? "last.safetensors" : "recipe.yaml");
  if (status == MIXENT_OK) status = lock_directory(out->path, &out->lock);
  if (status == MIXENT_OK)
    status = mixent_new_files_sweep(out->path); /* a killed process may have left some */
  if (status != MIXENT_OK) mixent_run_directory_close(out);
  return status;
}

void mixent_run_directory_close(mixent_run_directory *run) {
  if (run->lock >= 0 && run->path && run->place && strcmp(run->path, run->place) != 0)
    mixent_directory_remove(run->path);
  if (run->lock >= 0) close(run->lock);
  free(run->path);
  free(run->place);
  free(run->recipe);
  free(run->plan);
  free(run->metrics);
  free(run->last);
  free(run->best);
  free(run->predictions);
  free(run->summary);
  free(run->failure);
  *run = (mixent_run_directory){.lock = -1};
}

mixent_status mixent_run_directory_add_metrics(const mixent_run_directory *run, const char *line) {
  FILE *stream = fopen(run->metrics, "ab");
  if (!stream) return mixent_fail_errno("open", run->metrics);
  bool written = fprintf(stream, "%s\n", line) >= 0 && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
  mixent_status status = written ? MIXENT_OK : mixent_fail_errno("write", run->metrics);
  if (fclose(stream) != 0 && status == MIXENT_OK) status = mixent_fail_errno("write", run->metrics);
  return status;
}

mixent_status mixent_run_directory_trim_metrics(const mixent_run_directory *run, size_t lines) {
  char *text;
  size_t size, end = 0;
  MIXENT_TRY(mixent_file_read(run->metrics, LARGEST_METRICS, &text, &size));
  mixent_status status = MIXENT_OK;
  for (size_t line = 0; line < lines && status == MIXENT_OK; line++) {
    const char *next = memchr(text + end, '\n', size - end);
    if (next)
      end = (size_t)(next - text) + 1;
    else
      status = mixent_fail(MIXENT_ERROR_FORMAT,
                           "%s: %zu epochs are done, but it has %zu lines; it was changed by hand",
                           run->metrics, lines, line);
  }
  if (status == MIXENT_OK && end < size) status = mixent_file_replace(run->metrics, text, end);
  free(text);
  return status;
}

mixent_status mixent_run_history_parse(const char *text, size_t size, const char *path, json_t **out) {
  *out = json_array();
  const char *end = text + size;
  for (const char *line = text, *next; (next = memchr(line, '\n', (size_t)(end - line))); line = next + 1) {
    json_t *object;
    mixent_status status = mixent_json_parse(line, (size_t)(next - line), 0, path, &object);
    if (status != MIXENT_ERROR_MEMORY && !json_is_object(object))
      status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: line %zu is damaged", path, json_array_size(*out) + 1);
    if (status != MIXENT_OK) {
      json_decref(object);
      json_decref(*out);
      *out = NULL;
      return status;
    }
    mixent_json_append(out, object);
  }
  return *out ? MIXENT_OK : mixent_no_memory("%s", path);
}

mixent_status mixent_run_history_read(const char *directory, json_t **out) {
  char *path = mixent_path_join(directory, "metrics.jsonl"), *text = NULL;
  size_t size;
  *out = NULL;
  mixent_status status = path ? mixent_file_read(path, LARGEST_METRICS, &text, &size) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_run_history_parse(text, size, path, out);
  free(text);
  free(path);
  return status;
}

mixent_status mixent_run_directory_seconds(const mixent_run_directory *run, double *seconds) {
  json_t *lines, *line;
  size_t i;
  *seconds = 0;
  MIXENT_TRY(mixent_run_history_read(run->path, &lines));
  json_array_foreach(lines, i, line) *seconds += json_number_value(json_object_get(line, "seconds"));
  json_decref(lines);
  return MIXENT_OK;
}
