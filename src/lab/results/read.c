/* Which format a file of results has, and which files a directory holds. */
#include "core/content.h"
#include "core/file.h"
#include "core/gzip.h"
#include "lab/results/epoch.h"
#include "lab/results/lm_eval.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

static mixent_status parse(const mixent_results_file *file, char *text, size_t size,
                           const mixent_results_layout *layout, mixent_results *out, bool *found) {
  out->file = file->path;
  MIXENT_TRY(mixent_content_check_text(file->path, text, size, "results (CSV or JSON Lines)"));
  size_t begin = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  begin += strspn(text + begin, " \t\r\n");
  if (text[begin] == '[')
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: expected CSV or JSON Lines, got a list of JSON; write one object per line",
                       file->path);
  if (text[begin] != '{') return mixent_results_read_csv(file, text, size, layout, out, found);
  bool is_whole =
      strspn(text + begin + 1, " \t\r") == strcspn(text + begin + 1, "\n"); /* an object over many lines */
  if (is_whole) MIXENT_TRY(mixent_results_read_means(file, text + begin, size - begin, layout, out, found));
  if (is_whole && (*found || !file->is_named)) return MIXENT_OK;
  if (begin >= 3) memset(text, ' ', text[0] == '\xef' ? 3 : 0);
  return mixent_results_read_json_lines(file, text, size, layout, out, found);
}

mixent_status mixent_results_parse(const char *origin, char *text, size_t size,
                                   const mixent_results_layout *layout, mixent_results *out) {
  const mixent_results_file file = {.path = origin, .root = origin, .name = "", .is_named = true};
  bool found;
  return parse(&file, text, size, layout, out, &found);
}

/* What is read below one path of the command line. */
typedef struct walk {
  const char *root;
  const mixent_results_layout *layout;
  mixent_results *out;
  int depth;
  size_t files;
} walk;

static mixent_status read_text(const mixent_results_file *file, walk *walk, bool *found) {
  uint8_t *bytes;
  size_t size;
  MIXENT_TRY(mixent_gzip_read(file->path, MIXENT_RESULTS_BYTES, &bytes, &size));
  mixent_status status = parse(file, (char *)bytes, size, walk->layout, walk->out, found);
  free(bytes);
  return status;
}

/* What the first bytes tell: SQLite's file, or a zip archive, which a .npz file is. */
static mixent_status look(const char *path, bool *database, bool *archive) {
  static const char sqlite[] = "SQLite format 3", zip[] = "PK\3\4";
  char bytes[sizeof sqlite] = "";
  FILE *stream;
  MIXENT_TRY(mixent_file_open(path, &stream));
  size_t count = fread(bytes, 1, sizeof bytes, stream);
  fclose(stream);
  *database = count == sizeof sqlite && memcmp(bytes, sqlite, sizeof sqlite) == 0;
  *archive = count >= strlen(zip) && memcmp(bytes, zip, strlen(zip)) == 0;
  return MIXENT_OK;
}

static mixent_status read_archive(const mixent_results_file *file, walk *walk) {
  const char *origin;
  if (walk->out->choosing) return MIXENT_OK; /* it has no epochs */
  MIXENT_TRY(mixent_results_add_source(file->path, "NumPy", walk->out, &origin));
  return mixent_results_read_npz(origin, walk->layout, walk->out);
}

static mixent_status read_file(const char *path, bool is_named, walk *walk) {
  const char *name = is_named ? "" : path + strlen(walk->root);
  const mixent_results_file file = {path, walk->root, name + strspn(name, "/"), is_named};
  bool found = true, database, archive;
  size_t index;
  if (mixent_results_is_event_file(path)) {
    walk->files++;
    return mixent_results_read_events(&file, walk->layout, walk->out);
  }
  MIXENT_TRY(look(path, &database, &archive));
  mixent_status status = database  ? mixent_results_read_mlflow(&file, walk->layout, walk->out, &found)
                         : archive ? read_archive(&file, walk)
                                   : read_text(&file, walk, &found);
  walk->files += found;
  if (status != MIXENT_OK || found || walk->out->choosing) return status;
  return mixent_name_set_add(&walk->out->passed_over, path, &index);
}

/* Whether a file in a directory may hold results, by its name. Of JSON those are lm-evaluation-harness's means alone. */
static bool may_hold_results(const char *name) {
  static const char means[] = "results_";
  if (strncmp(name, means, strlen(means)) == 0 && mixent_has_ending(name, ".json")) return true;
  static const char *const endings[] = {".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".npz", ".db"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (mixent_has_ending(name, endings[i])) return true;
  return mixent_results_is_event_file(name);
}

static mixent_status visit(void *context, const char *path, const char *name) {
  enum { DEEPEST = 32 }; /* a link may lead to a directory above */
  walk *walk = context;
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind == MIXENT_PATH_FILE) return may_hold_results(name) ? read_file(path, false, walk) : MIXENT_OK;
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  if (walk->depth == DEEPEST)
    return mixent_fail(
        MIXENT_ERROR_UNSUPPORTED,
        "%s: expected at most %d directories one in another, got more; name the directories of the runs",
        path, DEEPEST);
  walk->depth++;
  mixent_status status = mixent_directory_visit(path, visit, walk);
  walk->depth--;
  return status;
}

static mixent_status read_path(const char *path, const mixent_results_layout *layout, mixent_results *out) {
  walk walk = {.root = path, .layout = layout, .out = out};
  const char *origin;
  bool records;
  if (!mixent_is_directory(path)) return read_file(path, true, &walk);
  MIXENT_TRY(mixent_records_look(path, &records));
  if (records && out->choosing) return MIXENT_OK;
  if (records) {
    MIXENT_TRY(mixent_results_add_source(path, "recorded runs", out, &origin));
    return mixent_results_read_records(origin, out);
  }
  MIXENT_TRY(mixent_directory_visit(path, visit, &walk));
  out->file = path;
  return walk.files
             ? MIXENT_OK
             : mixent_fail(
                   MIXENT_ERROR_FORMAT,
                   "%s: expected results below this directory (CSV, JSON Lines, .npz, event files of TensorBoard, "
                   "mlflow.db), got none",
                   path);
}

mixent_status mixent_results_read(char *const *paths, size_t count, const mixent_results_layout *layout,
                                  mixent_results *out) {
  for (int left = layout->best ? 2 : 1; left > 0; left--) {
    out->choosing = left == 2;
    out->rows = 0;
    for (size_t i = 0; i < count; i++) MIXENT_TRY(read_path(paths[i], layout, out));
    if (out->choosing) mixent_results_choose(layout, out);
  }
  MIXENT_TRY(mixent_results_check_best(layout, out));
  return mixent_results_finish(out);
}
