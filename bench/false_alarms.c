/* How often the lab's comparisons see a difference: in simulated studies without one (false alarms), and with one (power,
 * beside the power stated beforehand). Runs have luck of their own, images a difficulty that all methods share; with
 * "images choose" each image also favours one of the methods, by chance, whichever run it is. First single tests of two
 * methods, then the verdicts of whole comparisons (lab/compare/compare.h) of several variants with a baseline.
 *
 *   bench_false_alarms [STUDIES [SEEDS [IMAGES [REPLICATES [VARIANTS]]]]] */
#include "bench/simulate.h"
#include "core/threads.h"
#include "lab/compare/compare.h"
#include "mixent/statistics.h"

#include <math.h>

typedef struct world {
  const char *name;
  double luck;   /* standard deviation of a run's own quality, on the scale of images' difficulty */
  double favour; /* of an image's preference for a method */
} world;

typedef struct simulation {
  world world;
  size_t studies, seeds, images, replicates;
  double shift;       /* added to the first method */
  uint8_t *alarms;    /* [studies, 3]: t over seeds, crossed bootstrap, its percentile interval */
  double *deviations; /* [studies]: of the paired differences */
} simulation;

/* One thread's. */
typedef struct room {
  uint8_t *right_a, *right_b;       /* [seeds, images] */
  double *ease, *favour;            /* [images] */
  double *accuracies;               /* [2, seeds] */
  const uint8_t **rows_a, **rows_b; /* [seeds] of them */
} room;

enum { STUDENT, CROSSED, PERCENTILE, TESTS };
enum { MOST_METHODS = 16, MOST_SEEDS = 1000 };

/* P(right) is Phi(1.2 + 1.2 difficulty + luck +- favour); what is left to a run and an image together is a coin. */
static void draw_study(const simulation *simulation, size_t study, const room *room) {
  mixent_random random = mixent_random_stream(study, "false alarms", "");
  const world *world = &simulation->world;
  for (size_t i = 0; i < simulation->images; i++) {
    room->ease[i] = 1.2 + 1.2 * normal(&random, 0, i);
    room->favour[i] = world->favour > 0 ? world->favour * normal(&random, 1, i) : 0;
  }
  for (size_t s = 0; s < simulation->seeds; s++) {
    double luck_a = world->luck * normal(&random, 2, s) + simulation->shift;
    double luck_b = world->luck * normal(&random, 3, s);
    for (size_t i = 0; i < simulation->images; i++) {
      size_t at = s * simulation->images + i;
      uint32_t word[4];
      mixent_random_block(&random, 4 + s, i, word);
      double ease = room->ease[i], favour = room->favour[i];
      room->right_a[at] = mixent_uniform_double(word[0], word[1]) < mixent_normal_cdf(ease + luck_a + favour);
      room->right_b[at] = mixent_uniform_double(word[2], word[3]) < mixent_normal_cdf(ease + luck_b - favour);
    }
  }
}

static double share(const uint8_t *right, size_t count) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += right[i];
  return (double)sum / (double)count;
}

static void run_study(simulation *simulation, size_t study, const room *room) {
  size_t seeds = simulation->seeds, images = simulation->images;
  draw_study(simulation, study, room);
  for (size_t s = 0; s < seeds; s++) {
    room->accuracies[s] = share(room->right_a + s * images, images);
    room->accuracies[seeds + s] = share(room->right_b + s * images, images);
  }
  mixent_paired paired;
  must(mixent_paired_compare(room->accuracies, room->accuracies + seeds, seeds, 1 - level, &paired));
  for (size_t s = 0; s < seeds; s++)
    room->rows_a[s] = room->right_a + s * images, room->rows_b[s] = room->right_b + s * images;
  const mixent_crossed runs = {room->rows_a, room->rows_b, seeds};
  const mixent_bootstrap_options options = {images, study, simulation->replicates, 1 - level};
  mixent_bootstrap bootstrap;
  must(mixent_bootstrap_crossed(&runs, 1, &options, &bootstrap));
  uint8_t *alarms = simulation->alarms + study * TESTS;
  alarms[STUDENT] = paired.p < level;
  alarms[CROSSED] = bootstrap.low > 0 || bootstrap.high < 0;
  alarms[PERCENTILE] = bootstrap.percentile_low > 0 || bootstrap.percentile_high < 0;
  simulation->deviations[study] = paired.difference.deviation;
}

static void run_studies(void *context, size_t begin, size_t end) {
  simulation *simulation = context;
  size_t seeds = simulation->seeds, images = simulation->images;
  room room = {room_for(seeds * images, 1),         room_for(seeds * images, 1),
               room_for(images, sizeof(double)),    room_for(images, sizeof(double)),
               room_for(2 * seeds, sizeof(double)), room_for(seeds, sizeof(uint8_t *)),
               room_for(seeds, sizeof(uint8_t *))};
  for (size_t study = begin; study < end; study++) run_study(simulation, study, &room);
  free(room.right_a);
  free(room.right_b);
  free(room.ease);
  free(room.favour);
  free(room.accuracies);
  free(room.rows_a);
  free(room.rows_b);
}

/* In accuracy, what `shift` is worth: the mean over difficulties and luck, by P(right) = Phi(1.2 / deviation). */
static double gain_of(const world *world, double shift) {
  double deviation = sqrt(1 + 1.44 + world->luck * world->luck + world->favour * world->favour);
  return mixent_normal_cdf((1.2 + shift) / deviation) - mixent_normal_cdf(1.2 / deviation);
}

/* Its inverse. */
static double shift_for(const world *world, double gain) {
  double low = 0, high = 1;
  for (int step = 0; step < 60; step++) {
    double middle = (low + high) / 2;
    if (gain_of(world, middle) < gain)
      low = middle;
    else
      high = middle;
  }
  return low;
}

static double rate(const simulation *simulation, int test) {
  size_t sum = 0;
  for (size_t study = 0; study < simulation->studies; study++)
    sum += simulation->alarms[study * TESTS + test];
  return 100.0 * (double)sum / (double)simulation->studies;
}

/* Root of the mean square, as variances are averaged. */
static double typical(const double *deviations, size_t studies) {
  double squares = 0;
  for (size_t study = 0; study < studies; study++) squares += deviations[study] * deviations[study];
  return sqrt(squares / (double)studies);
}

static void print_row(const simulation *simulation, const char *what) {
  printf("%-26s %-22s %8.2f %9.2f %11.2f", simulation->world.name, what, rate(simulation, STUDENT),
         rate(simulation, CROSSED), rate(simulation, PERCENTILE));
}

/* Without a difference, and then with the one that this many seeds are said to show with 80 %. */
static void run_world(simulation *simulation) {
  simulation->shift = 0;
  mixent_parallel_for(simulation->studies, 16, run_studies, simulation);
  print_row(simulation, "false alarms, %");
  printf("\n");
  double deviation = typical(simulation->deviations, simulation->studies), wanted, stated;
  must(mixent_power_least_difference(simulation->seeds, deviation, level, 0.8, &wanted));
  simulation->shift = shift_for(&simulation->world, wanted);
  mixent_parallel_for(simulation->studies, 16, run_studies, simulation);
  deviation = typical(simulation->deviations, simulation->studies);
  must(mixent_power_of_seeds(simulation->seeds, wanted, deviation, level, &stated));
  char what[64];
  snprintf(what, sizeof what, "power at %+.2f points, %%", 100 * wanted);
  print_row(simulation, what);
  printf("   %6.2f\n", 100 * stated);
}

/* A comparison of methods, of which the first is the baseline and only the second may be better. */
typedef struct family {
  world world;
  size_t studies, seeds, images, methods;
  double shift;
  uint8_t *verdicts;  /* [studies, methods - 1] */
  double *deviations; /* [studies]: of the second's paired differences */
  double *stated;     /* [studies]: the least difference said to be seen on images like these */
} family;

/* One study: [methods, seeds] results, of which the accuracy and the images alone are known. */
typedef struct family_room {
  uint8_t *right;        /* [methods, seeds, images] */
  double *ease, *favour; /* [images] */
  mixent_result *results;
  const mixent_result **places;
} family_room;

static void draw_family(const family *family, size_t study, const family_room *room) {
  mixent_random random = mixent_random_stream(study, "false alarms", "family");
  const world *world = &family->world;
  size_t methods = family->methods, seeds = family->seeds, images = family->images;
  for (size_t i = 0; i < images; i++) room->ease[i] = 1.2 + 1.2 * normal(&random, 0, i);
  for (size_t run = 0; run < methods * seeds; run++) {
    size_t method = run / seeds;
    double luck = world->luck * normal(&random, 1, run) + (method == 1 ? family->shift : 0);
    uint8_t *right = room->right + run * images;
    for (size_t i = 0; i < images && run % seeds == 0; i++)
      room->favour[i] = world->favour > 0 ? world->favour * normal(&random, 2 + method, i) : 0;
    for (size_t i = 0; i < images; i++) {
      double ease = room->ease[i] + room->favour[i] + luck;
      uint32_t word[4];
      mixent_random_block(&random, 2 + methods + run, i, word);
      right[i] = mixent_uniform_double(word[0], word[1]) < mixent_normal_cdf(ease);
    }
    room->results[run].test.accuracy = share(right, images);
  }
}

static void judge_family(family *family, size_t study, const family_room *room) {
  static const char *const names[] = {"baseline", "variant"};
  const char *variants[MOST_METHODS];
  long seeds[MOST_SEEDS];
  for (size_t i = 0; i < family->methods; i++) variants[i] = names[i > 0];
  for (size_t i = 0; i < family->seeds; i++) seeds[i] = (long)i;
  draw_family(family, study, room);
  const mixent_compare_data data = {"simulated", room->places};
  const mixent_compare_input input = {variants, family->methods, 0,  seeds, family->seeds, &data, 1,
                                      0.1,      1 - level,       100};
  mixent_comparison *comparison;
  must(mixent_compare(&input, &comparison));
  const mixent_compare_pair *pairs = comparison->data[0].pairs;
  for (size_t i = 0; i + 1 < family->methods; i++)
    family->verdicts[study * (family->methods - 1) + i] = (uint8_t)pairs[i].verdict;
  family->deviations[study] = pairs[0].measures[MIXENT_MEASURE_ACCURACY].difference.deviation;
  family->stated[study] = pairs[0].least_difference_like;
  mixent_comparison_free(comparison);
}

static void judge_families(void *context, size_t begin, size_t end) {
  family *family = context;
  size_t runs = family->methods * family->seeds, images = family->images;
  family_room room = {room_for(runs * images, 1), room_for(images, sizeof(double)),
                      room_for(images, sizeof(double)), room_for(runs, sizeof(mixent_result)),
                      room_for(runs, sizeof(mixent_result *))};
  for (size_t run = 0; run < runs; run++) {
    const mixent_calibration unknown = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    room.results[run] = (mixent_result){.data = "simulated",
                                        .seconds = NAN,
                                        .classes = 2,
                                        .test_images = images,
                                        .test = unknown,
                                        .right = room.right + run * images};
    room.places[run] = &room.results[run];
  }
  for (size_t study = begin; study < end; study++) judge_family(family, study, &room);
  free(room.right);
  free(room.ease);
  free(room.favour);
  free(room.results);
  free(room.places);
}

/* Per cent of studies in which any of the variants first to last - 1 has `least` or a firmer verdict. */
static double family_rate(const family *family, size_t first, size_t last, mixent_verdict least) {
  size_t sum = 0;
  for (size_t study = 0; study < family->studies; study++) {
    bool any = false;
    for (size_t i = first; i < last; i++)
      any |= family->verdicts[study * (family->methods - 1) + i] >= (uint8_t)least;
    sum += any;
  }
  return 100.0 * (double)sum / (double)family->studies;
}

static void print_family(const family *family, const char *what, size_t first, size_t last) {
  printf("%-26s %-30s %12.2f %18.2f\n", family->world.name, what,
         family_rate(family, first, last, MIXENT_VERDICT_THESE_IMAGES),
         family_rate(family, first, last, MIXENT_VERDICT_IMAGES_LIKE_THESE));
}

/* The second method is better by `gain`. */
static void run_gain(family *family, double gain) {
  family->shift = shift_for(&family->world, gain);
  mixent_parallel_for(family->studies, 16, judge_families, family);
  char what[64];
  snprintf(what, sizeof what, "one at %+.2f points, power, %%", 100 * gain);
  print_family(family, what, 0, 1);
}

/* Without a difference; then with one as large as is said to be seen on these images, and on images like these. */
static void run_family(family *family) {
  size_t variants = family->methods - 1;
  family->shift = 0;
  mixent_parallel_for(family->studies, 16, judge_families, family);
  print_family(family, "any of them, false, %", 0, variants);
  double wanted;
  must(mixent_power_least_difference(family->seeds, typical(family->deviations, family->studies),
                                     level / (double)variants, MIXENT_COMPARE_POWER, &wanted));
  double stated = typical(family->stated, family->studies); /* before the next studies take its place */
  run_gain(family, wanted);
  print_family(family, "any of the others, false, %", 1, variants);
  if (family->world.favour > 0) run_gain(family, stated);
}

int main(int argc, char **argv) {
  const world worlds[] = {{"runs alike", 0, 0},
                          {"runs differ", 0.08, 0},
                          {"runs differ much", 0.3, 0},
                          {"images choose", 0.08, 0.15},
                          {"images choose much", 0.08, 0.5}};
  simulation simulation = {.studies = argument(argc, argv, 1, 5000),
                           .seeds = argument(argc, argv, 2, 10),
                           .images = argument(argc, argv, 3, 300),
                           .replicates = argument(argc, argv, 4, 300)};
  family family = {.studies = simulation.studies,
                   .seeds = simulation.seeds,
                   .images = simulation.images,
                   .methods = 1 + argument(argc, argv, 5, 3)};
  if (family.methods < 2 || family.methods > MOST_METHODS || family.seeds > MOST_SEEDS) {
    fprintf(stderr, "bench_false_alarms: 1 to %d variants, at most %d seeds\n", MOST_METHODS - 1, MOST_SEEDS);
    return 2;
  }
  simulation.alarms = room_for(simulation.studies, TESTS);
  simulation.deviations = room_for(simulation.studies, sizeof(double));
  printf("%zu studies of %zu seeds x %zu images, %zu replicates; intervals of 95 %%\n\n", simulation.studies,
         simulation.seeds, simulation.images, simulation.replicates);
  printf("%-26s %-22s %8s %9s %11s   %6s\n", "world", "", "t, seeds", "bootstrap", "percentiles", "stated");
  for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
    simulation.world = worlds[i];
    run_world(&simulation);
  }
  family.verdicts = room_for(family.studies, family.methods - 1);
  family.deviations = simulation.deviations;
  family.stated = room_for(family.studies, sizeof(double));
  printf("\n%zu variants and a baseline: verdicts after Holm's correction; the power stated is %g %%\n\n",
         family.methods - 1, 100 * MIXENT_COMPARE_POWER);
  printf("%-26s %-30s %12s %18s\n", "world", "", "these images", "images like these");
  for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
    family.world = worlds[i];
    run_family(&family);
  }
  free(simulation.alarms);
  free(simulation.deviations);
  free(family.verdicts);
  free(family.stated);
}
