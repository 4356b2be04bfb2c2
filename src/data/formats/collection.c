/* Which files of a set in folders are images, of which class; what is passed over is counted. */
#include "data/formats/collection.h"
#include "core/file.h"
#include "core/locale.h"
#include "data/find.h"
#include "data/formats/tar.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const part_names[][2] = {{"train", "training"}, {"test", "testing"}};

int mixent_part_named(const char *name, size_t length) {
  for (int part = 0; part < 2; part++)
    for (int i = 0; i < 2; i++)
      if (length == strlen(part_names[part][i]) && mixent_same_letters(name, part_names[part][i], length))
        return part;
  return -1;
}

static bool is_image_name(const char *name) {
  return mixent_has_ending(name, ".png") || mixent_has_ending(name, ".jpg") ||
         mixent_has_ending(name, ".jpeg");
}

void mixent_collection_free(mixent_collection *collection) {
  for (size_t i = 0; i < collection->count; i++) free(collection->images[i].path);
  free(collection->images);
  for (int part = 0; part < 2; part++) free(collection->parts[part]);
  mixent_class_names_free(&collection->classes);
  mixent_passed_over_free(&collection->passed_over);
  *collection = (mixent_collection){0};
}

static mixent_status add_image(mixent_collection *to, mixent_collected image) {
  MIXENT_TRY(MIXENT_GROW(&to->images, to->count, "a list of files"));
  MIXENT_TRY(mixent_copy_text(image.path, &image.path));
  to->images[to->count++] = image;
  to->folders[image.part][image.class].images++;
  return MIXENT_OK;
}

/* The class that a folder is called after; the same in train and in test. */
static mixent_status add_class(mixent_collection *to, int part, const char *name, int32_t *out) {
  mixent_status status = mixent_class_names_add(&to->classes, to->origin, name, out);
  if (status == MIXENT_ERROR_UNSUPPORTED)
    return mixent_fail(status, "%s: more than %d class folders", to->origin, MIXENT_MOST_LABELS);
  if (status == MIXENT_OK) to->folders[part][*out].found = true;
  return status;
}

static mixent_status check_classes(const mixent_collection *in) {
  for (int part = 0; part < 2; part++)
    for (int i = 0; i < in->classes.count; i++) {
      if (!in->folders[part][i].found || in->folders[part][i].images) continue;
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: no .png, .jpg or .jpeg in the class folder %s/%s (%zu other files); fill it, or take it away",
          in->origin, in->parts[part], in->classes.text[i], in->folders[part][i].passed_over);
    }
  return MIXENT_OK;
}

/* ---- A directory. ---- */

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
  if (part < 0)
    return walk->to ? mixent_passed_over_folder(&walk->to->passed_over, name, strlen(name)) : MIXENT_OK;
  if (walk->names[part])
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s beside it could be the same part; keep one of them",
                       path, walk->names[part]);
  return mixent_copy_text(name, &walk->names[part]);
}

mixent_status mixent_part_folders(const char *directory, char *names[2]) {
  parts_walk walk = {.names = names};
  names[0] = names[1] = NULL;
  mixent_status status = mixent_directory_visit(directory, visit_part, &walk);
  for (int part = 0; part < 2 && status != MIXENT_OK; part++) free(names[part]), names[part] = NULL;
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
  if (!is_image_name(name)) {
    mixent_passed_over_file(&walk->to->passed_over, name);
    walk->to->folders[walk->part][walk->class].passed_over++;
    return MIXENT_OK;
  }
  if (!there || !S_ISREG(info.st_mode)) return fail_nothing(path);
  return add_image(walk->to,
                   (mixent_collected){.path = (char *)path, .part = walk->part, .class = walk->class});
}

static mixent_status visit_class(void *context, const char *path, const char *name) {
  folder_walk *walk = context;
  struct stat info;
  if (stat(path, &info) != 0) return fail_nothing(path);
  if (S_ISDIR(info.st_mode)) {
    MIXENT_TRY(add_class(walk->to, walk->part, name, &walk->class));
    mixent_status status = walk_below(walk, path, &info);
    tdestroy(walk->reached, free);
    walk->reached = NULL;
    return status;
  }
  if (is_image_name(name))
    walk->to->passed_over.loose++;
  else
    mixent_passed_over_file(&walk->to->passed_over, name);
  return MIXENT_OK;
}

mixent_status mixent_collect_directory(const char *directory, mixent_collection *out) {
  out->origin = directory;
  parts_walk parts = {out->parts, out};
  mixent_status status = mixent_directory_visit(directory, visit_part, &parts);
  for (int part = 0; part < 2 && status == MIXENT_OK && out->parts[part]; part++) {
    folder_walk walk = {.to = out, .part = part};
    char *path = mixent_path_join(directory, out->parts[part]);
    status = path ? mixent_directory_visit(path, visit_class, &walk) : MIXENT_ERROR_MEMORY;
    free(path);
  }
  return status == MIXENT_OK ? check_classes(out) : status;
}

/* ---- An archive. ---- */

typedef struct archive_walk {
  mixent_collection *to;
  char *common;      /* the directories that all images lie in; NULL before the first */
  const char *first; /* path of the first image that was taken, */
  size_t prefix;     /* and the length of what stands in it before its part */
} archive_walk;

/* PREFIX/train/CLASS/…/FILE */
typedef struct archive_path {
  size_t prefix, part_length, class_length;
  int part; /* -1: in none */
  const char *part_name, *class, *file;
} archive_path;

static const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Whether a file or a directory below `rest` is one of those that are not looked at. */
static bool is_hidden(const char *rest) {
  for (const char *at = rest; at; at = (at = strchr(at, '/')) ? at + 1 : NULL)
    if (*at == '.') return true;
  return false;
}

/* The outermost folder of a part, below the directories that all images have in common. */
static archive_path split_path(const archive_walk *walk, const char *path) {
  archive_path out = {.part = -1, .file = file_name(path)};
  size_t skipped = strlen(walk->common);
  if (strncmp(path, walk->common, skipped) != 0) return out;
  for (const char *at = path + skipped, *end; (end = strchr(at, '/')); at = end + 1) {
    if ((out.part = mixent_part_named(at, (size_t)(end - at))) < 0) continue;
    out.prefix = (size_t)(at - path);
    out.part_name = at, out.part_length = (size_t)(end - at);
    const char *class_end = strchr(end + 1, '/');
    if (class_end) out.class = end + 1, out.class_length = (size_t)(class_end - end - 1);
    break;
  }
  return out;
}

static mixent_status add_archive_class(archive_walk *walk, const archive_path *parts, int32_t *out) {
  char *name;
  MIXENT_TRY(mixent_copy_start(parts->class, parts->class_length, &name));
  mixent_status status = add_class(walk->to, parts->part, name, out);
  free(name);
  return status;
}

/* Shortens what all images have in common by the next one's path. */
static mixent_status visit_common(void *context, const mixent_tar_member *member) {
  archive_walk *walk = context;
  const char *name = file_name(member->path);
  if (*name == '.' || !is_image_name(name)) return MIXENT_OK;
  if (!walk->common) {
    return mixent_copy_start(member->path, (size_t)(name - member->path), &walk->common);
  }
  size_t same = 0, end = 0;
  for (; walk->common[same] && walk->common[same] == member->path[same]; same++)
    if (walk->common[same] == '/') end = same + 1;
  walk->common[end] = 0;
  return MIXENT_OK;
}

static mixent_status check_part(archive_walk *walk, const char *path, const archive_path *parts) {
  mixent_collection *to = walk->to;
  char **name = &to->parts[parts->part];
  if (!to->count) walk->first = path, walk->prefix = parts->prefix;
  if (parts->prefix != walk->prefix || memcmp(path, walk->first, walk->prefix) != 0)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s and %s are of two data sets; pack one alone", to->origin,
                       walk->first, path);
  if (!*name) MIXENT_TRY(mixent_copy_start(parts->part_name, parts->part_length, name));
  if (strlen(*name) == parts->part_length && memcmp(*name, parts->part_name, parts->part_length) == 0)
    return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s: %s beside it could be the same part; keep one of them",
                     to->origin, path, *name);
}

static mixent_status visit_images(void *context, const mixent_tar_member *member) {
  archive_walk *walk = context;
  archive_path parts = split_path(walk, member->path);
  if (member->directory || !is_image_name(parts.file) || is_hidden(parts.class ? parts.class : parts.file))
    return MIXENT_OK;
  if (parts.part < 0) {
    const char *rest = member->path + strlen(walk->common), *end = strchr(rest, '/');
    return end ? mixent_passed_over_folder(&walk->to->passed_over, rest, (size_t)(end - rest)) : MIXENT_OK;
  }
  if (!parts.class) {
    walk->to->passed_over.loose++;
    return MIXENT_OK;
  }
  int32_t class;
  MIXENT_TRY(check_part(walk, member->path, &parts));
  MIXENT_TRY(add_archive_class(walk, &parts, &class));
  if (!member->bytes)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: %s is a link, or stored with holes; pack the files themselves: tar --dereference "
                       "--hard-dereference, without --sparse",
                       walk->to->origin, member->path);
  MIXENT_TRY(add_image(walk->to, (mixent_collected){.path = (char *)member->path,
                                                    .part = parts.part,
                                                    .class = class,
                                                    .bytes = member->bytes,
                                                    .size = member->size}));
  walk->first = walk->to->images[0].path;
  return MIXENT_OK;
}

/* Class folders, which may have no image, and files of other kinds; what lies elsewhere is no part of the set. */
static mixent_status visit_others(void *context, const mixent_tar_member *member) {
  archive_walk *walk = context;
  mixent_collection *to = walk->to;
  archive_path parts = split_path(walk, member->path);
  const char *rest = parts.class ? parts.class : parts.file;
  if (parts.part < 0 || !to->parts[parts.part] || parts.prefix != walk->prefix || is_hidden(rest) ||
      memcmp(member->path, walk->first, walk->prefix) != 0)
    return MIXENT_OK;
  int32_t class = -1;
  if (parts.class) MIXENT_TRY(add_archive_class(walk, &parts, &class));
  if (member->directory || !*parts.file || is_image_name(parts.file)) return MIXENT_OK;
  mixent_passed_over_file(&to->passed_over, parts.file);
  if (class >= 0) to->folders[parts.part][class].passed_over++;
  return MIXENT_OK;
}

static mixent_status walk_archive(archive_walk *walk, const char *origin, const uint8_t *bytes, size_t size) {
  MIXENT_TRY(mixent_tar_walk(origin, bytes, size, visit_common, walk, &walk->to->passed_over.short_end));
  if (!walk->common) return MIXENT_OK;
  MIXENT_TRY(mixent_tar_walk(origin, bytes, size, visit_images, walk, &walk->to->passed_over.short_end));
  if (!walk->first) return MIXENT_OK;
  MIXENT_TRY(mixent_tar_walk(origin, bytes, size, visit_others, walk, &walk->to->passed_over.short_end));
  return check_classes(walk->to);
}

mixent_status mixent_collect_archive(const char *origin, const uint8_t *bytes, size_t size,
                                     mixent_collection *out) {
  archive_walk walk = {.to = out};
  out->origin = origin;
  mixent_status status = walk_archive(&walk, origin, bytes, size);
  free(walk.common);
  return status;
}
