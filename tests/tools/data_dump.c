/* What the library reads of a data set, for comparison with what wrote it.
 *   data_dump PATH [missing=impute|label=COLUMN]... > out
 * out: a line "CLASSES SIDE CHANNELS TRAIN TEST float|byte", a line of class names and one of feature names, each ended
 * by a tab; then of train and of test int32 labels [count] and values [count, side, side, channels]. */
#include "mixent/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_names(char *const *names, int count) {
  for (int i = 0; names && i < count; i++) printf("%s\t", names[i]);
  putchar('\n');
}

static void write_part(const mixent_images *images) {
  size_t values = images->count * (size_t)(images->side * images->side * images->channels);
  fwrite(images->labels, sizeof *images->labels, images->count, stdout);
  if (images->features)
    fwrite(images->features, sizeof *images->features, values, stdout);
  else
    fwrite(images->pixels, 1, values, stdout);
}

int main(int argc, char **argv) {
  mixent_dataset *dataset;
  mixent_dataset_options options = {0};
  if (argc < 2) return 2;
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "missing=impute") == 0) options.table.missing = MIXENT_MISSING_IMPUTE;
    if (strncmp(argv[i], "label=", 6) == 0) options.table.label = argv[i] + 6;
  }
  if (mixent_dataset_open(argv[1], &options, &dataset) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    return 1;
  }
  const mixent_images *train = &dataset->train;
  printf("%d %d %d %zu %zu %s\n", dataset->classes, train->side, train->channels, train->count,
         dataset->test.count, train->features ? "float" : "byte");
  write_names(dataset->class_names, dataset->classes);
  write_names(dataset->feature_names, train->channels);
  write_part(train);
  write_part(&dataset->test);
  mixent_dataset_free(dataset);
  return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
