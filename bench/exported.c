/* What a model loses and how fast it is as C: `mixent export --c` in float and in 8 bits, compiled here, beside the predictor on the
 * same test images, one image a call on one thread.
 *
 *   bench_exported [--images N] [--compiler "COMMAND AND FLAGS"] CHECKPOINT DATA
 *
 * Prints, for each way, the images it has right, the largest difference of a logit to the predictor's in float, microseconds
 * an image (the median of all calls), and the bytes of constants and of working memory. */
#include "core/threads.h"
#include "mixent/model.h"

#include <dlfcn.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *images_wanted = "1000", *compiler = "cc -O2 -march=native";

typedef void classify_logits(const void *input, float *logits);

/* The images, and what the predictor in float says of them. */
typedef struct subject {
  const mixent_model *model;
  const mixent_images *images;
  size_t count, row; /* row: bytes of an input */
  float *expected, *logits;
  double *times;
} subject;

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "bench_exported: %s\n", mixent_last_error());
  exit(1);
}

static void *allocate(size_t bytes) {
  void *memory = calloc(bytes + 1, 1);
  if (!memory) exit(1);
  return memory;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e6 * (double)time.tv_sec + 1e-3 * (double)time.tv_nsec;
}

static const void *input_at(const subject *s, size_t i) {
  return (const char *)(s->images->features ? (void *)s->images->features : s->images->pixels) + i * s->row;
}

static int compare_times(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(const subject *s, const char *way, const mixent_c_size *size) {
  size_t classes = (size_t)s->model->classes, right = 0;
  double apart = 0;
  for (size_t i = 0; i < s->count; i++) {
    const float *logits = s->logits + i * classes;
    size_t best = 0;
    for (size_t k = 0; k < classes; k++) {
      if (logits[k] > logits[best]) best = k;
      apart = fmax(apart, fabs((double)logits[k] - s->expected[i * classes + k]));
    }
    right += (int32_t)best == s->images->labels[i];
  }
  qsort(s->times, s->count, sizeof *s->times, compare_times);
  printf("%-16s  %8.2f %%  %9.2g  %10.0f us", way, 100.0 * (double)right / (double)s->count, apart,
         s->times[s->count / 2]);
  if (size) printf("  %9zu  %9zu", size->constant_bytes, size->variable_bytes);
  puts("");
}

static void run_predictor(const subject *s, mixent_precision precision, float *logits) {
  mixent_predictor *predictor;
  check(mixent_predictor_create(s->model, 1, precision, &predictor));
  for (size_t i = 0; i < s->count; i++) {
    float *out = logits + i * (size_t)s->model->classes;
    const double start = now();
    check(s->images->features ? mixent_predictor_run_features(predictor, input_at(s, i), 1, out, NULL)
                              : mixent_predictor_run(predictor, input_at(s, i), 1, out, NULL));
    s->times[i] = now() - start;
  }
  mixent_predictor_free(predictor);
}

static void run_exported(const subject *s, bool int8) {
  char directory[] = "/tmp/bench-exported-XXXXXX", file[64], library[64], command[1024];
  mixent_c_size size;
  if (!mkdtemp(directory)) perror(directory), exit(1);
  snprintf(file, sizeof file, "%s/model.c", directory);
  snprintf(library, sizeof library, "%s/model.so", directory);
  check(mixent_model_export_c(s->model, &(mixent_c_options){.int8 = int8}, file, &size));
  snprintf(command, sizeof command, "%s -shared -fPIC %s -o %s", compiler, file, library);
  if (system(command) != 0) fprintf(stderr, "bench_exported: '%s' failed\n", command), exit(1);
  void *handle = dlopen(library, RTLD_NOW);
  classify_logits *classify = handle ? (classify_logits *)dlsym(handle, "model_logits") : NULL;
  if (!classify) fprintf(stderr, "bench_exported: %s\n", dlerror()), exit(1);
  for (size_t i = 0; i < s->count; i++) {
    const double start = now();
    classify(input_at(s, i), s->logits + i * (size_t)s->model->classes);
    s->times[i] = now() - start;
  }
  report(s, int8 ? "C, int8" : "C, float", &size);
  dlclose(handle);
  remove(library);
  remove(file);
  rmdir(directory);
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"images", 1, NULL, 'i'}, {"compiler", 1, NULL, 'c'}, {0}};
  for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (letter == '?') return 2;
    *(letter == 'i' ? &images_wanted : &compiler) = optarg;
  }
  if (argc - optind != 2) return fprintf(stderr, "bench_exported: expected CHECKPOINT DATA\n"), 2;
  mixent_model *model;
  mixent_dataset *dataset;
  check(mixent_model_open(argv[optind], &model));
  const mixent_dataset_options options = {.side = model->pictures ? model->side : 0,
                                          .fit = model->fit,
                                          .background = model->background,
                                          .transpose = model->transposed};
  check(mixent_dataset_open(argv[optind + 1], &options, &dataset));
  check(mixent_model_check_dataset(model, dataset));
  mixent_threads_set(1);
  size_t wanted = strtoul(images_wanted, NULL, 10), classes = (size_t)model->classes;
  subject s = {.model = model, .images = &dataset->test};
  s.count = wanted > 0 && wanted < dataset->test.count ? wanted : dataset->test.count;
  s.row = (size_t)model->side * (size_t)model->side * (size_t)model->channels *
          (dataset->test.features ? sizeof(float) : 1);
  s.expected = allocate(s.count * classes * sizeof *s.expected);
  s.logits = allocate(s.count * classes * sizeof *s.logits);
  s.times = allocate(s.count * sizeof *s.times);
  printf("%zu test images of %s\n%-16s  %10s  %9s  %13s  %9s  %9s\n", s.count, dataset->name, "way", "right",
         "logits", "an image", "constants", "memory");
  run_predictor(&s, MIXENT_FP32, s.expected);
  memcpy(s.logits, s.expected, s.count * classes * sizeof *s.logits);
  report(&s, "predictor", NULL);
  run_predictor(&s, MIXENT_QUANTIZED, s.logits);
  report(&s, "predictor, int8", NULL);
  run_exported(&s, false);
  run_exported(&s, true);
  free(s.expected);
  free(s.logits);
  free(s.times);
  mixent_dataset_free(dataset);
  mixent_model_free(model);
  return 0;
}
