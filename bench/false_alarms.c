/* How often the lab's comparisons see a difference: in simulated studies without one (false alarms), and with one (power,
 * beside the power stated beforehand). Runs have luck of their own, images a difficulty that both methods share; with
 * "images choose" each image also favours one of the methods, by chance, whichever run it is.
 *
 *   bench_false_alarms [STUDIES [SEEDS [IMAGES [REPLICATES]]]] */
#include "core/random.h"
#include "core/threads.h"
#include "lab/bootstrap.h"
#include "lab/distributions.h"
#include "lab/power.h"
#include "lab/statistics.h"
#include "mixent/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double level = 0.05;

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
  uint8_t *right_a, *right_b; /* [seeds, images] */
  double *ease, *favour;      /* [images] */
  double *accuracies;         /* [2, seeds] */
} room;

enum { STUDENT, CROSSED, PERCENTILE, TESTS };

static double normal(const mixent_random *random, uint64_t step, uint64_t element) {
  uint32_t word[4];
  mixent_random_block(random, step, element, word);
  return mixent_normal_quantile(mixent_uniform_double(word[0], word[1]) + 0x1p-54);
}

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

static void must(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "%s\n", mixent_last_error());
  exit(1);
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
  const mixent_crossed runs = {room->right_a, room->right_b, seeds, images};
  const mixent_bootstrap_options options = {study, simulation->replicates, 1 - level};
  mixent_bootstrap bootstrap;
  must(mixent_bootstrap_crossed(&runs, &options, &bootstrap));
  uint8_t *alarms = simulation->alarms + study * TESTS;
  alarms[STUDENT] = paired.p < level;
  alarms[CROSSED] = bootstrap.low > 0 || bootstrap.high < 0;
  alarms[PERCENTILE] = bootstrap.percentile_low > 0 || bootstrap.percentile_high < 0;
  simulation->deviations[study] = paired.difference.deviation;
}

static void *room_for(size_t count, size_t size) {
  void *room = calloc(count, size);
  if (!room) abort();
  return room;
}

static void run_studies(void *context, size_t begin, size_t end) {
  simulation *simulation = context;
  size_t seeds = simulation->seeds, images = simulation->images;
  room room = {room_for(seeds * images, 1), room_for(seeds * images, 1), room_for(images, sizeof(double)),
               room_for(images, sizeof(double)), room_for(2 * seeds, sizeof(double))};
  for (size_t study = begin; study < end; study++) run_study(simulation, study, &room);
  free(room.right_a);
  free(room.right_b);
  free(room.ease);
  free(room.favour);
  free(room.accuracies);
}

/* In accuracy, what `shift` is worth: the mean over difficulties and luck, by P(right) = Phi(1.2 / deviation). */
static double gain_of(const world *world, double shift) {
  double deviation = sqrt(1 + 1.44 + world->luck * world->luck + world->favour * world->favour);
  return mixent_normal_cdf((1.2 + shift) / deviation) - mixent_normal_cdf(1.2 / deviation);
}

static double rate(const simulation *simulation, int test) {
  size_t sum = 0;
  for (size_t study = 0; study < simulation->studies; study++)
    sum += simulation->alarms[study * TESTS + test];
  return 100.0 * (double)sum / (double)simulation->studies;
}

static double typical_deviation(const simulation *simulation) {
  double squares = 0;
  for (size_t study = 0; study < simulation->studies; study++)
    squares += simulation->deviations[study] * simulation->deviations[study];
  return sqrt(squares / (double)simulation->studies);
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
  double deviation = typical_deviation(simulation), wanted, stated;
  must(mixent_power_least_difference(simulation->seeds, deviation, level, 0.8, &wanted));
  double low = 0, high = 1;
  for (int step = 0; step < 60; step++) {
    double middle = (low + high) / 2;
    if (gain_of(&simulation->world, middle) < wanted)
      low = middle;
    else
      high = middle;
  }
  simulation->shift = low;
  mixent_parallel_for(simulation->studies, 16, run_studies, simulation);
  must(mixent_power_of_seeds(simulation->seeds, wanted, typical_deviation(simulation), level, &stated));
  char what[64];
  snprintf(what, sizeof what, "power at %+.2f points, %%", 100 * wanted);
  print_row(simulation, what);
  printf("   %6.2f\n", 100 * stated);
}

static size_t argument(int count, char **values, int index, size_t otherwise) {
  return index < count ? strtoul(values[index], NULL, 10) : otherwise;
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
  simulation.alarms = room_for(simulation.studies, TESTS);
  simulation.deviations = room_for(simulation.studies, sizeof(double));
  printf("%zu studies of %zu seeds x %zu images, %zu replicates; intervals of 95 %%\n\n", simulation.studies,
         simulation.seeds, simulation.images, simulation.replicates);
  printf("%-26s %-22s %8s %9s %11s   %6s\n", "world", "", "t, seeds", "bootstrap", "percentiles", "stated");
  for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
    simulation.world = worlds[i];
    run_world(&simulation);
  }
  free(simulation.alarms);
  free(simulation.deviations);
}
