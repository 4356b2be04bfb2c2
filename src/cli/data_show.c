/* `mixent data show`: what is in a data set, and a sheet with some images of each class. */
#include "cli/commands.h"
#include "cli/reading.h"
#include "cli/sheet.h"
#include "cli/terminal.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *out, *data_directory;
  long count, seed;
  int part;
  bool transpose;
  mixent_setting_list settings;
} arguments;

static const char *const part_names[] = {"train", "test", "validation", NULL};
enum { TRAIN, TEST, VALIDATION };
/* Features that are listed; images of each class on a sheet, and in all, unless --count says otherwise. */
enum { MOST_FEATURES = 32, EACH = 8, MOST = 400 };

/* `chosen` gets up to `count` indices: as many of each class as of any other as far as they go, class after
 * class, in the order of `order` [images->count]. Returns how many. */
static mixent_status choose_images(const mixent_images *images, int classes, const uint32_t *order,
                                   size_t count, uint32_t *chosen, size_t *chosen_count) {
  size_t *room;
  MIXENT_TRY(MIXENT_ALLOCATE(classes, &room));
  for (int k = 0; k < classes; k++) room[k] = count / (size_t)classes + ((size_t)k < count % (size_t)classes);
  *chosen_count = 0;
  for (int k = 0; k < classes; k++)
    for (size_t i = 0; i < images->count && room[k]; i++)
      if (images->labels[order[i]] == k) {
        chosen[(*chosen_count)++] = order[i];
        room[k]--;
      }
  free(room);
  return MIXENT_OK;
}

/* Columns so that classes begin a line where that makes a sheet of a good shape: two classes a line for the
 * default. */
static int sheet_columns(size_t count, int classes) {
  size_t each = count / (size_t)classes, columns = each ? each : 16;
  while (columns < 12) columns += each ? each : 16;
  return (int)(columns > 24 ? 24 : columns);
}

static mixent_status write_sheet(const mixent_dataset *dataset, const mixent_images *images, const char *path,
                                 const uint32_t *chosen, size_t count) {
  const char **captions;
  MIXENT_TRY(MIXENT_ALLOCATE(count + 1, &captions));
  for (size_t i = 0; i < count; i++) captions[i] = dataset->class_names[images->labels[chosen[i]]];
  mixent_status status =
      mixent_contact_sheet_write(path, images, chosen, count, captions,
                                 sheet_columns(count, dataset->classes), mixent_sheet_scale(images->side));
  free(captions);
  return status;
}

static mixent_status draw_sheet(const mixent_dataset *dataset, const mixent_images *images, const char *path,
                                const arguments *arguments, size_t *chosen_count) {
  size_t count = (size_t)arguments->count;
  if (!count) count = (size_t)dataset->classes * EACH < MOST ? (size_t)dataset->classes * EACH : MOST;
  if (count > images->count) count = images->count;
  uint32_t *order, *chosen = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &order));
  mixent_order_draw((uint64_t)arguments->seed, 0, order, images->count);
  mixent_status status = MIXENT_ALLOCATE(count, &chosen);
  if (status == MIXENT_OK)
    status = choose_images(images, dataset->classes, order, count, chosen, chosen_count);
  if (status == MIXENT_OK) status = write_sheet(dataset, images, path, chosen, *chosen_count);
  free(order);
  free(chosen);
  return status;
}

/* The images of a part: a piece of the data set's own. */
static mixent_images part_of(const mixent_dataset *dataset, int part) {
  mixent_images out = part == TEST ? dataset->test : dataset->train;
  size_t own = dataset->train.count - dataset->validation_count;
  if (part == TRAIN) out.count = own;
  if (part != VALIDATION) return out;
  out.count = dataset->validation_count, out.labels += own;
  if (out.pixels) out.pixels += own * (size_t)out.side * (size_t)out.side * (size_t)out.channels;
  return out;
}

static size_t count_class(const mixent_images *images, int class) {
  size_t count = 0;
  for (size_t i = 0; i < images->count; i++) count += images->labels[i] == class;
  return count;
}

static void print_dataset(const mixent_dataset *dataset) {
  const mixent_images *train = &dataset->train, parts[] = {part_of(dataset, TRAIN), part_of(dataset, TEST),
                                                           part_of(dataset, VALIDATION)};
  printf("%s, from %s\n", mixent_printable(dataset->name), mixent_printable(dataset->directory));
  printf("%s train", mixent_text_count(parts[TRAIN].count));
  if (parts[VALIDATION].count) printf(", %s validation", mixent_text_count(parts[VALIDATION].count));
  printf(" and %s test ", mixent_text_count(parts[TEST].count));
  if (train->features)
    printf("rows of %d features\n", train->channels);
  else
    printf("images of %d x %d %s pixels%s\n", train->side, train->side,
           train->channels == 1 ? "grey" : "colour",
           dataset->transposed ? " (stored transposed, shown upright)" : "");
  if (dataset->cut)
    printf("it comes %s: %g %% of each class were set apart as test, always the same\n",
           dataset->validation_count ? "without a test part" : "in one part", 100 * MIXENT_CUT_FRACTION);
  mixent_table table = {.columns = parts[VALIDATION].count ? 5 : 4,
                        .titles = {"label", "class", "train", "test", "validation"},
                        .left = {false, true, false, false, false}};
  for (int k = 0; k < dataset->classes; k++) {
    mixent_table_add(&table, "%lld", (long long)dataset->labels[k]);
    mixent_table_add(&table, "%s", dataset->class_names[k]);
    for (int part = TRAIN; part < table.columns - 2; part++)
      mixent_table_add(&table, "%s", mixent_text_count(count_class(&parts[part], k)));
  }
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
}

/* Whether all rows hold one value, for which the moments give 1 as the deviation. */
static bool is_constant(const mixent_images *images, int channel) {
  const float *value = images->features + channel;
  size_t i = 1, step = (size_t)images->channels;
  while (i < images->count && value[i * step] == *value) i++;
  return i >= images->count;
}

/* [channels] each */
static void print_moments(const mixent_dataset *dataset, const float *mean, const float *deviation) {
  mixent_table table = {
      .columns = 3, .titles = {"feature", "mean", "deviation"}, .left = {true, false, false}};
  int count = dataset->train.channels, shown = count < MOST_FEATURES ? count : MOST_FEATURES;
  for (int k = 0; k < shown; k++) {
    if (dataset->feature_names)
      mixent_table_add(&table, "%s", dataset->feature_names[k]);
    else
      mixent_table_add(&table, "%d", k + 1);
    mixent_table_add(&table, "%.5g", (double)mean[k]);
    mixent_table_add(&table, "%.5g", is_constant(&dataset->train, k) ? 0 : (double)deviation[k]);
  }
  putchar('\n');
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
  if (shown < count) printf("and %d features more\n", count - shown);
}

static mixent_status show_features(const mixent_dataset *dataset) {
  const mixent_images *train = &dataset->train;
  uint32_t *order;
  float *moments = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(train->count, &order));
  mixent_order_draw(0, 0, order, train->count); /* all of them; the order does not matter */
  mixent_status status = MIXENT_ALLOCATE(2 * train->channels, &moments);
  if (status == MIXENT_OK) {
    mixent_images_moments(train, order, train->count, moments, moments + train->channels);
    print_dataset(dataset);
    print_moments(dataset, moments, moments + train->channels);
  }
  free(moments);
  free(order);
  return status;
}

static mixent_status show(const mixent_dataset *dataset, const arguments *arguments) {
  if (dataset->train.features && !arguments->out) return show_features(dataset);
  const mixent_images part = part_of(dataset, arguments->part), *images = &part;
  if (!part.count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "data show: %s has no %s part of its own; leave --split out",
                       dataset->name, part_names[arguments->part]);
  mixent_text path = {0};
  size_t count;
  if (arguments->out)
    mixent_text_append(&path, "%s", arguments->out);
  else
    mixent_text_append(&path, "%s.png", dataset->name);
  mixent_status status = mixent_text_status(&path);
  if (status == MIXENT_OK) status = draw_sheet(dataset, images, path.data, arguments, &count);
  if (status == MIXENT_OK) {
    print_dataset(dataset);
    printf("\n%s shows %s of the %s images\n", mixent_printable(path.data), mixent_text_count(count),
           part_names[arguments->part]);
  }
  mixent_text_free(&path);
  return status;
}

/* Of rows of features no sheet is drawn, and an option of it that would have no effect is a mistake. */
static int check_options(const mixent_dataset *dataset, const arguments *arguments) {
  const struct {
    const char *name;
    bool given;
  } options[] = {{"transpose", arguments->transpose},
                 {"count", arguments->count},
                 {"split", arguments->part},
                 {"seed", arguments->seed}};
  for (size_t i = 0; dataset->train.features && i < sizeof options / sizeof *options; i++)
    if (options[i].given)
      return mixent_wrong_use(
          "data show: --%s has no effect: %s holds rows of features, not images; leave it out",
          options[i].name, dataset->name);
  for (size_t i = 0; !dataset->pictures && i < arguments->settings.count; i++) {
    const char *key = arguments->settings.items[i].key;
    if (strcmp(key, "side") == 0 || strcmp(key, "fit") == 0)
      return mixent_wrong_use("data show: %s has no effect: %s holds no picture files; leave it out", key,
                              dataset->name);
  }
  return MIXENT_EXIT_DONE;
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  mixent_dataset_options options = {.data_directory = arguments->data_directory,
                                    .transpose = arguments->transpose};
  mixent_recipe recipe;
  mixent_dataset *dataset;
  mixent_status status = mixent_reading_choose(&arguments->settings, &recipe, &options);
  if (status == MIXENT_OK) status = mixent_dataset_open(words[0], &options, &dataset);
  if (status != MIXENT_OK) return mixent_failed(status);
  mixent_notes_print(dataset->note);
  int code = check_options(dataset, arguments);
  if (code == MIXENT_EXIT_DONE) status = show(dataset, arguments);
  mixent_dataset_free(dataset);
  return status == MIXENT_OK ? code : mixent_failed(status);
}

static const mixent_command_option options[] = {
    {.name = "out",
     .argument = "FILE.png",
     .help = "where to write the sheet (default: NAME.png here)",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, out)},
    {.name = "count",
     .argument = "N",
     .help = "images on the sheet; 0 is 8 of each class, 400 at most",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, count),
     .fallback = "0",
     .high = 10000},
    {.name = "split",
     .argument = "train|test|validation",
     .help = "which images; validation: where the set has such a part of its own",
     .kind = MIXENT_VALUE_CHOICE,
     .offset = offsetof(arguments, part),
     .fallback = "train",
     .choices = part_names},
    {.name = "seed",
     .argument = "N",
     .help = "another number draws other images",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, seed),
     .fallback = "0",
     .high = 2147483647},
    {.name = "data-dir",
     .argument = "DIR",
     .help = "look for data sets there first",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data_directory)},
    {.name = "transpose",
     .help = "the images are stored transposed (known for EMNIST)",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, transpose)},
    MIXENT_READING_OPTION(arguments),
    {.name = NULL}};

const mixent_command mixent_command_data_show = {
    .name = "data show",
    .summary = "Count a data set's images or rows, and show some images of each class",
    .operands = "NAME|DIR|FILE [KEY=VALUE]...",
    .names = mixent_dataset_names,
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "Writes a PNG with images of each class, their class below. Look at it before you train on "
        "data of your own: letters must stand upright, and the captions must be right. For a table "
        "it lists means and deviations instead.",
    .arguments_size = sizeof(arguments),
    .run = run};
