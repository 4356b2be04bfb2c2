/* Pictures of any size become images of one side, on all threads. Without a side asked for, it is chosen from the sizes in the files'
 * headers. */
#include "data/formats/picture_set.h"
#include "core/memory.h"
#include "core/system.h"
#include "core/threads.h"
#include "data/cut.h"
#include "data/formats/picture.h"
#include "data/formats/picture_cache.h"
#include "data/formats/picture_decode.h"

#include <stdlib.h>
#include <string.h>

enum {
  LARGEST_CHOSEN = 64, /* side that is chosen by itself */
  MEASURED = 256       /* pictures whose headers are read to choose a side */
};

/* ----------------------------------------------------------- order and classes ---- */

static int compare_images(const void *a, const void *b) {
  const mixent_collected *first = a, *second = b;
  if (first->part != second->part) return first->part - second->part;
  return first->class != second->class ? first->class - second->class : strcmp(first->path, second->path);
}

/* Classes become their indices in the order of their names' bytes, and labels those among the classes of train. */
static mixent_status number_classes(mixent_collection *from, mixent_format_set *out) {
  int label_of[MIXENT_MOST_LABELS], labels = 0;
  for (int i = 0; i < from->classes.count; i++) {
    int class = from->classes.sorted[i];
    bool trained = from->folders[MIXENT_SET_TRAIN][class].images > 0;
    label_of[class] = trained ? labels : -1;
    if (trained) MIXENT_TRY(mixent_copy_text(from->classes.text[class], &out->label_names[labels++]));
  }
  for (size_t i = 0; i < from->count; i++) {
    mixent_collected *image = &from->images[i];
    if (label_of[image->class] < 0 && labels)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: there is no class %s in train; get both from one source",
                         image->path, from->classes.text[image->class]);
    image->class = label_of[image->class];
  }
  return MIXENT_OK;
}

/* begins[part] to begins[part + 1] - 1 are the images of a part. */
static mixent_status find_parts(const mixent_collection *from, size_t begins[MIXENT_SET_PARTS + 1]) {
  size_t at = 0, counts[MIXENT_SET_PARTS];
  for (int part = 0; part < MIXENT_SET_PARTS; part++) {
    begins[part] = at;
    while (at < from->count && from->images[at].part == part) at++;
    counts[part] = at - begins[part];
  }
  begins[MIXENT_SET_PARTS] = at;
  bool cut = from->in_one_part || (from->parts[MIXENT_SET_VALIDATION] && !from->parts[MIXENT_SET_TEST]);
  if (counts[MIXENT_SET_TRAIN] && (cut || counts[MIXENT_SET_TEST])) return MIXENT_OK;
  if (from->in_one_part && from->passed_over.loose)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: no data set in it: its pictures lie in no class folder, or all in one; a classifier needs two "
        "classes or more, each in a folder of its own",
        from->origin);
  if (from->in_one_part)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: no " MIXENT_PICTURE_ENDINGS " in class folders; a data set needs CLASS/FILE, or "
                       "train/CLASS/FILE and test/CLASS/FILE",
                       from->origin);
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: no " MIXENT_PICTURE_ENDINGS " in %s/CLASS/; a data set needs train/CLASS/ and "
                     "test/CLASS/",
                     from->origin, counts[MIXENT_SET_TRAIN] ? "test" : "train");
}

/* Sorted images; an archive can hold a path twice. */
static mixent_status check_twice(const mixent_collection *from) {
  for (size_t i = 1; i < from->count; i++)
    if (strcmp(from->images[i - 1].path, from->images[i].path) == 0)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s is in it twice; pack it again", from->origin,
                         from->images[i].path);
  return MIXENT_OK;
}

/* Some images of train become those of test, before any is decoded. */
static mixent_status set_test_apart(mixent_collection *from, size_t begins[MIXENT_SET_PARTS + 1]) {
  mixent_images images = {.count = begins[MIXENT_SET_TRAIN + 1]};
  int classes = 0;
  mixent_split split = {0};
  MIXENT_TRY(MIXENT_ALLOCATE(images.count, &images.labels));
  for (size_t i = 0; i < images.count; i++) {
    images.labels[i] = from->images[i].class;
    if (images.labels[i] >= classes) classes = images.labels[i] + 1;
  }
  mixent_status status = mixent_cut_choose(&images, classes, &split);
  for (size_t i = 0; i < split.validation_count; i++)
    from->images[split.validation[i]].part = MIXENT_SET_TEST;
  mixent_split_free(&split);
  free(images.labels);
  MIXENT_TRY(status);
  qsort(from->images, from->count, sizeof *from->images, compare_images);
  return find_parts(from, begins);
}

/* ------------------------------------------------------------- broken files ------- */

typedef struct trial {
  const mixent_collection *from;
  const mixent_dataset_options *options;
  mixent_status *status; /* of each image */
} trial;

static mixent_status try_one(const trial *trial, size_t i) {
  uint8_t pixels[MIXENT_LEAST_SIDE * MIXENT_LEAST_SIDE * 3];
  return mixent_collected_decode(trial->from, &trial->from->images[i], MIXENT_LEAST_SIDE, trial->options,
                                 pixels);
}

static void try_range(void *context, size_t begin, size_t end) {
  const trial *trial = context;
  for (size_t i = begin; i < end; i++) trial->status[i] = try_one(trial, i);
}

/* Takes over the path. */
static mixent_status add_broken(mixent_broken_files *broken, char *path, const char *reason) {
  size_t paths = broken->count, reasons = broken->count;
  MIXENT_TRY(MIXENT_GROW(&broken->paths, paths, "a list of files"));
  MIXENT_TRY(MIXENT_GROW(&broken->reasons, reasons, "a list of files"));
  MIXENT_TRY(mixent_copy_text(reason, &broken->reasons[broken->count]));
  broken->paths[broken->count++] = path;
  return MIXENT_OK;
}

/* Each picture that cannot be read goes from the collection to the list. */
static mixent_status list_broken(mixent_collection *from, const trial *trial, mixent_broken_files *broken) {
  mixent_status result = MIXENT_OK;
  size_t kept = 0;
  mixent_parallel_for(from->count, 1, try_range, (void *)(uintptr_t)trial);
  for (size_t i = 0; i < from->count; i++) {
    mixent_status status =
        result == MIXENT_OK && trial->status[i] != MIXENT_OK ? try_one(trial, i) : MIXENT_OK;
    if (status == MIXENT_ERROR_MEMORY) result = status;
    if (status != MIXENT_OK && result == MIXENT_OK)
      result = add_broken(broken, from->images[i].path, mixent_last_error());
    if (status == MIXENT_OK || result != MIXENT_OK) from->images[kept++] = from->images[i];
  }
  from->count = kept;
  return result;
}

static mixent_status leave_out_broken(mixent_collection *from, const mixent_dataset_options *options) {
  trial trial = {.from = from, .options = options};
  if (!options->broken) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE(from->count, &trial.status));
  mixent_status status = list_broken(from, &trial, options->broken);
  free(trial.status);
  return status;
}

/* ----------------------------------------------------------------- the side ------- */

static size_t longer_side(const mixent_picture *picture) {
  return picture->width > picture->height ? picture->width : picture->height;
}

static int compare_sizes(const void *a, const void *b) {
  const mixent_picture *first = a, *second = b;
  size_t one = longer_side(first), other = longer_side(second);
  if (one != other) return one < other ? -1 : 1;
  size_t areas[] = {first->width * first->height, second->width * second->height};
  if (areas[0] != areas[1]) return areas[0] < areas[1] ? -1 : 1;
  return (first->width > second->width) - (first->width < second->width);
}

/* The smallest side that covers the median picture, LARGEST_CHOSEN at most; told where a picture is not of just that size. */
static mixent_status choose_side(mixent_picture *sizes, size_t count, const mixent_dataset_options *options,
                                 int *side, mixent_format_set *out) {
  qsort(sizes, count, sizeof *sizes, compare_sizes);
  const mixent_picture *median = &sizes[count / 2];
  size_t covering = longer_side(median);
  *side = covering > LARGEST_CHOSEN      ? LARGEST_CHOSEN
          : covering < MIXENT_LEAST_SIDE ? MIXENT_LEAST_SIDE
                                         : (int)covering;
  bool same = true;
  for (size_t i = 0; i < count; i++)
    same &= sizes[i].width == (size_t)*side && sizes[i].height == (size_t)*side;
  if (same) return MIXENT_OK;
  char *note;
  MIXENT_TRY(
      mixent_print_text(&note,
                        "side: the median picture has %zu x %zu pixels; all become images of %d x %d by "
                        "fit %s (options side and fit say otherwise)",
                        median->width, median->height, *side, *side, mixent_fit_names[options->fit]));
  return mixent_format_set_note(out, note);
}

static mixent_status find_side(const mixent_collection *from, size_t count,
                               const mixent_dataset_options *options, int *side, mixent_format_set *out) {
  size_t measured = count < MEASURED ? count : MEASURED;
  mixent_picture *sizes;
  *side = options->side;
  if (options->side) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE(measured, &sizes));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < measured && status == MIXENT_OK; i++)
    status = mixent_collected_measure(from, &from->images[i * count / measured], &sizes[i]);
  if (status == MIXENT_OK) status = choose_side(sizes, measured, options, side, out);
  free(sizes);
  return status;
}

/* ------------------------------------------------------------------ a part -------- */

static size_t image_size(int side) {
  return (size_t)side * (size_t)side * 3;
}

/* Images of one part, all in colour. Room grows as they decode: names alone cost nothing. */
static mixent_status read_part(const mixent_collection *from, size_t begin, size_t end, int side,
                               const mixent_dataset_options *options, mixent_images *out) {
  out->side = side, out->channels = 3;
  for (size_t i = begin; i < end;) {
    size_t count = end - i < MIXENT_DECODED_AT_ONCE ? end - i : MIXENT_DECODED_AT_ONCE,
           room = out->count + count;
    MIXENT_TRY(mixent_resize((void **)&out->pixels, image_size(side), room, "images"));
    MIXENT_TRY(MIXENT_RESIZE(&out->labels, room, "images"));
    MIXENT_TRY(mixent_pictures_decode(from, from->images + i, count, side, options,
                                      out->pixels + out->count * image_size(side)));
    for (size_t k = 0; k < count; k++) out->labels[out->count++] = from->images[i++].class;
  }
  return MIXENT_OK;
}

static size_t pixel_count(const mixent_images *images) {
  return images->count * (size_t)images->side * (size_t)images->side;
}

static bool is_grey(const mixent_images *images) {
  for (size_t i = 0; i < pixel_count(images); i++) {
    const uint8_t *pixel = images->pixels + 3 * i;
    if (pixel[0] != pixel[1] || pixel[0] != pixel[2]) return false;
  }
  return true;
}

static void make_grey(mixent_images *images) {
  for (size_t i = 0; i < pixel_count(images); i++) images->pixels[i] = images->pixels[3 * i];
  images->channels = 1;
  if (images->count)
    MIXENT_RESIZE(&images->pixels, pixel_count(images),
                  "images"); /* where that fails, they keep their room */
}

/* Bytes of images that memory may hold. */
static size_t find_limit(const mixent_dataset_options *options) {
  uint64_t installed = mixent_memory_installed();
  return options->memory_limit ? options->memory_limit : installed ? (size_t)(installed / 2) : SIZE_MAX;
}

static mixent_status read_parts(const mixent_collection *from, const size_t begins[MIXENT_SET_PARTS + 1],
                                const mixent_dataset_options *options, mixent_format_set *out) {
  mixent_images *const parts[MIXENT_SET_PARTS] = {&out->train, &out->validation, &out->test};
  size_t limit = find_limit(options);
  int side;
  bool grey = true;
  MIXENT_TRY(find_side(from, begins[MIXENT_SET_TRAIN + 1], options, &side, out));
  out->pictures = true;
  if (from->count > limit / image_size(side))
    return mixent_picture_cache_read(from, begins, side, options, limit, out);
  for (int part = 0; part < MIXENT_SET_PARTS; part++) {
    MIXENT_TRY(read_part(from, begins[part], begins[part + 1], side, options, parts[part]));
    grey = grey && is_grey(parts[part]);
  }
  for (int part = 0; part < MIXENT_SET_PARTS && grey; part++) make_grey(parts[part]);
  return MIXENT_OK;
}

static mixent_status name_files(const mixent_collected *images, mixent_images *out) {
  MIXENT_TRY(MIXENT_ALLOCATE(out->count, &out->files));
  for (size_t i = 0; i < out->count; i++) MIXENT_TRY(mixent_copy_text(images[i].path, &out->files[i]));
  return MIXENT_OK;
}

/* Of all parts that have images. */
static mixent_status name_parts(const mixent_collection *from, const size_t begins[MIXENT_SET_PARTS + 1],
                                mixent_format_set *out) {
  mixent_images *const parts[MIXENT_SET_PARTS] = {&out->train, &out->validation, &out->test};
  for (int part = 0; part < MIXENT_SET_PARTS; part++)
    MIXENT_TRY(name_files(from->images + begins[part], parts[part]));
  return MIXENT_OK;
}

mixent_status mixent_picture_set_read(mixent_collection *from, const mixent_dataset_options *options,
                                      mixent_format_set *out) {
  size_t begins[MIXENT_SET_PARTS + 1];
  char *note;
  MIXENT_TRY(number_classes(from, out));
  if (from->count) qsort(from->images, from->count, sizeof *from->images, compare_images);
  MIXENT_TRY(leave_out_broken(from, options));
  MIXENT_TRY(find_parts(from, begins));
  MIXENT_TRY(check_twice(from));
  out->one_part = begins[MIXENT_SET_TEST] == begins[MIXENT_SET_PARTS];
  if (out->one_part) MIXENT_TRY(set_test_apart(from, begins));
  MIXENT_TRY(read_parts(from, begins, options, out));
  if (options->broken) MIXENT_TRY(name_parts(from, begins, out));
  MIXENT_TRY(mixent_passed_over_note(&from->passed_over, MIXENT_PICTURE_ENDINGS, &note));
  MIXENT_TRY(mixent_format_set_note(out, note));
  MIXENT_TRY(mixent_copy_text(from->origin, &out->train_origin));
  return mixent_copy_text(from->origin, &out->test_origin);
}
