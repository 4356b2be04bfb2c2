/* How often the lab's comparisons see a difference: in simulated studies without one (false alarms), and with one (power,
 * beside the power stated beforehand), of 2, 3, 5, 10 and 20 seeds. Runs have luck of their own, images a difficulty that all methods
 * share; with "images choose" each image also favours one of the methods, by chance, whichever run it is. First single tests of two
 * methods, then the verdicts of whole comparisons of several variants with a baseline (false_verdicts.c).
 *
 *   bench_false_alarms [--studies N] [--seeds N] [--images N] [--replicates N] [--variants N] */
#include "bench/worlds.h"
#include "core/threads.h"
#include "mixent/statistics.h"

#include <math.h>

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

static void run_study(simulation *simulation, size_t study, const room *room) {
  size_t seeds = simulation->seeds, images = simulation->images;
  draw_study(simulation, study, room);
  for (size_t s = 0; s < seeds; s++) {
    room->accuracies[s] = share_of(room->right_a + s * images, images);
    room->accuracies[seeds + s] = share_of(room->right_b + s * images, images);
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

static double rate(const simulation *simulation, int test) {
  size_t sum = 0;
  for (size_t study = 0; study < simulation->studies; study++)
    sum += simulation->alarms[study * TESTS + test];
  return 100.0 * (double)sum / (double)simulation->studies;
}

static void print_row(const simulation *simulation, const char *what) {
  printf("%-20s %5zu %-24s %8.2f %9.2f %11.2f", simulation->world.name, simulation->seeds, what,
         rate(simulation, STUDENT), rate(simulation, CROSSED), rate(simulation, PERCENTILE));
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

int main(int argc, char **argv) {
  const world worlds[] = {{"runs alike", 0, 0},
                          {"runs differ", 0.08, 0},
                          {"runs differ much", 0.3, 0},
                          {"images choose", 0.08, 0.15},
                          {"images choose much", 0.08, 0.5}};
  size_t counts[] = {2, 3, 5, 10, 20}, asked = option(argc, argv, "--seeds", 0);
  const size_t sizes = asked ? 1 : sizeof counts / sizeof *counts, kinds = sizeof worlds / sizeof *worlds;
  if (asked) counts[0] = asked;
  const plan plan = {.studies = option(argc, argv, "--studies", 5000),
                     .images = option(argc, argv, "--images", 300),
                     .replicates = option(argc, argv, "--replicates", 300),
                     .methods = 1 + option(argc, argv, "--variants", 3)};
  if (plan.methods < 2 || plan.methods > MOST_METHODS || asked > MOST_SEEDS) {
    fprintf(stderr, "bench_false_alarms: 1 to %d variants, at most %d seeds\n", MOST_METHODS - 1, MOST_SEEDS);
    return 2;
  }
  simulation simulation = {.studies = plan.studies,
                           .images = plan.images,
                           .replicates = plan.replicates,
                           .alarms = room_for(plan.studies, TESTS),
                           .deviations = room_for(plan.studies, sizeof(double))};
  printf("%zu studies of %zu images, %zu replicates; intervals of 95 %%\n\n", plan.studies, plan.images,
         plan.replicates);
  printf("%-20s %5s %-24s %8s %9s %11s   %6s\n", "world", "seeds", "", "t, seeds", "crossed", "percentiles",
         "stated");
  for (size_t i = 0; i < kinds; i++)
    for (size_t k = 0; k < sizes; k++) {
      simulation.world = worlds[i];
      simulation.seeds = counts[k];
      run_world(&simulation);
    }
  print_verdicts_heading(&plan);
  for (size_t i = 0; i < kinds; i++)
    for (size_t k = 0; k < sizes; k++) run_verdicts(&plan, &worlds[i], counts[k]);
  free(simulation.alarms);
  free(simulation.deviations);
}
