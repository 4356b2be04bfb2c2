/* Which files of a set in folders are images, of which class; what is passed over is counted. Here: a directory. */
#include "data/formats/collection.h"
#include "core/file.h"
#include "core/locale.h"
#include "data/find.h"
#include "data/formats/picture.h"
#include "data/formats/single_file.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SPELLINGS = 3 };
static const char *const part_names[MIXENT_SET_PARTS][SPELLINGS] = {
    {"train", "training"}, {"val", "valid", "validation"}, {"test", "testing"}};

int mixent_part_named(const char *name, size_t length) {
  for (int part = 0; part < MIXENT_SET_PARTS; part++)
    for (int i = 0; i < SPELLINGS && part_names[part][i]; i++)
      if (length == strlen(part_names[part][i]) && mixent_same_letters(name, part_names[part][i], length))
        return part;
  return -1;
}

bool mixent_is_picture_name(const char *name) {
  return mixent_has_one_ending(name, mixent_picture_endings);
}

bool mixent_is_folder_of_macos(const char *name, size_t length) {
  static const char theirs[] = "__MACOSX";
  return length == strlen(theirs) && memcmp(name, theirs, length) == 0;
}

void mixent_collection_free(mixent_collection *collection) {
  for (size_t i = 0; i < collection->count; i++) free(collection->images[i].path);
  free(collection->images);
  for (int part = 0; part < MIXENT_SET_PARTS; part++) free(collection->parts[part]);
  mixent_class_names_free(&collection->classes);
  mixent_passed_over_free(&collection->passed_over);
  *collection = (mixent_collection){0};
}

mixent_status mixent_collection_add(mixent_collection *to, mixent_collected image) {
  MIXENT_TRY(MIXENT_GROW(&to->images, to->count, "a list of files"));
  MIXENT_TRY(mixent_copy_text(image.path, &image.path));
  to->images[to->count++] = image;
  to->folders[image.part][image.class].images++;
  return MIXENT_OK;
}

mixent_status mixent_collection_add_class(mixent_collection *to, int part, const char *name, int32_t *out) {
  mixent_status status = mixent_class_names_add(&to->classes, to->origin, name, out);
  if (status == MIXENT_ERROR_UNSUPPORTED)
    return mixent_fail(status, "%s: more than %d class folders", to->origin, MIXENT_MOST_LABELS);
  if (status == MIXENT_OK) to->folders[part][*out].found = true;
  return status;
}

mixent_status mixent_collection_check(const mixent_collection *in) {
  for (int part = 0; part < MIXENT_SET_PARTS; part++)
    for (int i = 0; i < in->classes.count; i++) {
      if (!in->folders[part][i].found || in->folders[part][i].images) continue;
      return mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: no " MIXENT_PICTURE_ENDINGS
                         " in the class folder %s%s%s (%zu other files); fill it, or take "
                         "it away",
                         in->origin, in->in_one_part ? "" : in->parts[part], in->in_one_part ? "" : "/",
                         in->classes.text[i], in->folders[part][i].passed_over);
    }
  return MIXENT_OK;
}

/* A set with something missing would be a smaller one. */
static mixent_status fail_nothing(const char *path) {
  return mixent_fail(MIXENT_ERROR_IO,
                     "%s: no file that can be read (a link to nowhere?); get it, or take it away", path);
}

typedef struct parts_walk {
  char **names;
  mixent_collection *to; /* whom folders beside them are told; or NULL */
} parts_walk;

static mixent_status visit_part(void *context, const char *path, const char *name) {
  parts_walk *walk = context;
  int part = mixent_part_named(name, strlen(name));
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  if (part < 0 && mixent_is_folder_of_macos(name, strlen(name))) return MIXENT_OK;
  if (part < 0)
    return walk->to ? mixent_passed_over_folder(&walk->to->passed_over, name, strlen(name)) : MIXENT_OK;
  if (walk->names[part])
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s beside it could be the same part; keep one of them",
                       path, walk->names[part]);
  return mixent_copy_text(name, &walk->names[part]);
}

mixent_status mixent_part_folders(const char *directory, char *names[MIXENT_SET_PARTS]) {
  parts_walk walk = {.names = names};
  for (int part = 0; part < MIXENT_SET_PARTS; part++) names[part] = NULL;
  mixent_status status = mixent_directory_visit(directory, visit_part, &walk);
  for (int part = 0; part < MIXENT_SET_PARTS && status != MIXENT_OK; part++)
    free(names[part]), names[part] = NULL;
  return status;
}

/* Looks for one image, no deeper than links can lead in a circle. */
typedef struct image_search {
  int depth;
  bool found;
} image_search;

static mixent_status visit_search(void *context, const char *path, const char *name) {
  enum { DEEPEST = 16 };
  image_search *search = context;
  mixent_path_kind kind;
  if (search->found || search->depth == DEEPEST) return MIXENT_OK;
  MIXENT_TRY(mixent_path_look(path, &kind));
  search->found = kind == MIXENT_PATH_FILE && mixent_is_picture_name(name);
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  search->depth++;
  mixent_status status = mixent_directory_visit(path, visit_search, search);
  search->depth--;
  return status;
}

static mixent_status visit_class_search(void *context, const char *path, const char *name) {
  (void)name;
  int *count = context;
  image_search search = {0};
  mixent_path_kind kind;
  if (*count == 2) return MIXENT_OK;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind == MIXENT_PATH_DIRECTORY) MIXENT_TRY(mixent_directory_visit(path, visit_search, &search));
  *count += search.found;
  return MIXENT_OK;
}

mixent_status mixent_class_folders_find(const char *directory, bool *found) {
  int count = 0;
  mixent_status status = mixent_directory_visit(directory, visit_class_search, &count);
  *found = count == 2;
  return status;
}

typedef struct explained {
  bool loose, many;
  char *only;
} explained;

static mixent_status visit_explain(void *context, const char *path, const char *name) {
  explained *walk = context;
  image_search search = {0};
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look(path, &kind));
  walk->loose |= kind == MIXENT_PATH_FILE && mixent_is_picture_name(name);
  if (kind == MIXENT_PATH_DIRECTORY) MIXENT_TRY(mixent_directory_visit(path, visit_search, &search));
  if (!search.found) return MIXENT_OK;
  walk->many = walk->only != NULL;
  return walk->many ? MIXENT_OK : mixent_copy_text(name, &walk->only);
}

/* Whether the folder holds class folders of its own, and so is no class. */
static mixent_status holds_classes(const char *directory, const char *name, bool *found) {
  char *path = mixent_path_join(directory, name);
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_status status = mixent_class_folders_find(path, found);
  free(path);
  return status;
}

mixent_status mixent_pictures_explain(const char *directory, bool *loose, char **only) {
  explained walk = {0};
  bool set = false;
  mixent_path_kind kind;
  *only = NULL;
  MIXENT_TRY(mixent_path_look(directory, &kind));
  mixent_status status = MIXENT_OK;
  if (kind == MIXENT_PATH_DIRECTORY) status = mixent_directory_visit(directory, visit_explain, &walk);
  if (status == MIXENT_OK && walk.only) status = holds_classes(directory, walk.only, &set);
  *loose = walk.loose && !walk.only;
  if (status == MIXENT_OK && !walk.many && !set)
    *only = walk.only;
  else
    free(walk.only);
  return status;
}

typedef struct folder_walk {
  mixent_collection *to;
  int part;
  int32_t class;
  void *reached; /* the directories of the class, by tsearch() */
} folder_walk;

typedef struct reached_directory {
  dev_t device;
  ino_t inode;
  char path[];
} reached_directory;

static int compare_reached(const void *first, const void *second) {
  const reached_directory *a = first, *b = second;
  if (a->device != b->device) return a->device < b->device ? -1 : 1;
  return (a->inode > b->inode) - (a->inode < b->inode);
}

static mixent_status visit_file(void *context, const char *path, const char *name);

/* Below a class. Links to directories are followed, but to each directory once: links can lead in a circle, and each level
 * of a chain of double links doubles the paths. */
static mixent_status walk_below(folder_walk *walk, const char *path, const struct stat *info) {
  size_t length = strlen(path) + 1;
  reached_directory *here, **kept;
  MIXENT_TRY(mixent_allocate(sizeof *here + length, (void **)&here));
  here->device = info->st_dev, here->inode = info->st_ino;
  memcpy(here->path, path, length);
  kept = tsearch(here, &walk->reached, compare_reached);
  if (kept && *kept == here) return mixent_directory_visit(path, visit_file, walk);
  free(here);
  if (!kept) return mixent_no_memory("a path");
  return mixent_fail(MIXENT_ERROR_IO, "%s: the same directory as %s, by a link; take the link away", path,
                     (*kept)->path);
}

static mixent_status visit_file(void *context, const char *path, const char *name) {
  folder_walk *walk = context;
  struct stat info;
  bool there;
  MIXENT_TRY(mixent_path_stat(path, &info, &there));
  if (there && S_ISDIR(info.st_mode)) return walk_below(walk, path, &info);
  if (!mixent_is_picture_name(name)) {
    mixent_passed_over_file(&walk->to->passed_over, name);
    walk->to->folders[walk->part][walk->class].passed_over++;
    return MIXENT_OK;
  }
  if (!there || !S_ISREG(info.st_mode)) return fail_nothing(path);
  return mixent_collection_add(
      walk->to, (mixent_collected){.path = (char *)path, .part = walk->part, .class = walk->class});
}

static mixent_status visit_class(void *context, const char *path, const char *name) {
  folder_walk *walk = context;
  struct stat info;
  if (stat(path, &info) != 0) return fail_nothing(path);
  if (S_ISDIR(info.st_mode)) {
    if (mixent_is_folder_of_macos(name, strlen(name))) return MIXENT_OK;
    MIXENT_TRY(mixent_collection_add_class(walk->to, walk->part, name, &walk->class));
    mixent_status status = walk_below(walk, path, &info);
    tdestroy(walk->reached, free);
    walk->reached = NULL;
    return status;
  }
  if (mixent_is_picture_name(name))
    walk->to->passed_over.loose++;
  else
    mixent_passed_over_file(&walk->to->passed_over, name);
  return MIXENT_OK;
}

/* The only folder, as far as it was seen; *more: there are others. */
typedef struct inner_folder {
  char *path;
  bool more;
} inner_folder;

static mixent_status visit_inner(void *context, const char *path, const char *name) {
  inner_folder *inner = context;
  mixent_path_kind kind;
  if (mixent_is_folder_of_macos(name, strlen(name))) return MIXENT_OK;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  inner->more = inner->path != NULL;
  return inner->more ? MIXENT_OK : mixent_copy_text(path, &inner->path);
}

mixent_status mixent_folders_below(const char *directory, char **out) {
  inner_folder inner = {0};
  char *parts[MIXENT_SET_PARTS] = {0};
  bool found = false;
  mixent_path_kind kind;
  *out = NULL;
  MIXENT_TRY(mixent_path_look(directory, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  mixent_status status = mixent_directory_visit(directory, visit_inner, &inner);
  bool alone = status == MIXENT_OK && inner.path && !inner.more;
  if (alone) status = mixent_part_folders(inner.path, parts);
  if (alone && status == MIXENT_OK) status = mixent_class_folders_find(inner.path, &found);
  found |= parts[MIXENT_SET_TRAIN] && parts[MIXENT_SET_TEST];
  for (int part = 0; part < MIXENT_SET_PARTS; part++) free(parts[part]);
  *out = status == MIXENT_OK && found ? inner.path : NULL;
  if (!*out) free(inner.path);
  return status;
}

static mixent_status walk_part(mixent_collection *to, int part, const char *path) {
  folder_walk walk = {.to = to, .part = part};
  return mixent_directory_visit(path, visit_class, &walk);
}

static mixent_status walk_parts(mixent_collection *to, const char *directory) {
  mixent_status status = MIXENT_OK;
  for (int part = 0; part < MIXENT_SET_PARTS && status == MIXENT_OK; part++) {
    if (!to->parts[part]) continue;
    char *path = mixent_path_join(directory, to->parts[part]);
    status = path ? walk_part(to, part, path) : MIXENT_ERROR_MEMORY;
    free(path);
  }
  return status;
}

mixent_status mixent_collect_directory(const char *directory, mixent_collection *out) {
  char *parts[MIXENT_SET_PARTS];
  out->origin = directory;
  MIXENT_TRY(mixent_part_folders(directory, parts));
  out->in_one_part = !parts[MIXENT_SET_TRAIN] && !parts[MIXENT_SET_TEST];
  for (int part = 0; part < MIXENT_SET_PARTS; part++) free(parts[part]);
  parts_walk walk = {out->parts, out};
  mixent_status status = out->in_one_part ? walk_part(out, MIXENT_SET_TRAIN, directory)
                                          : mixent_directory_visit(directory, visit_part, &walk);
  if (status == MIXENT_OK && !out->in_one_part) status = walk_parts(out, directory);
  return status == MIXENT_OK ? mixent_collection_check(out) : status;
}
