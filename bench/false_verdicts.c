/* How often whole comparisons are wrong, and how often they see what is there: several variants and a baseline, after Holm's correction.
 * The margin is the difference that so many seeds are said to show with a probability of 80 %. */
#include "bench/worlds.h"
#include "core/threads.h"
#include "lab/compare/compare.h"

#include <math.h>

/* Of which the first method is the baseline and only the second may be better. */
typedef struct family {
  const plan *plan;
  const world *world;
  size_t seeds;
  double shift, margin;
  uint8_t *verdicts, *scopes; /* [studies, methods - 1] */
  double *deviations;         /* [studies]: of the second's paired differences */
} family;

/* One study's runs: [methods, seeds]. */
typedef struct family_room {
  uint8_t *right;        /* [methods, seeds, images] */
  double *ease, *favour; /* [images] */
  double *accuracies;    /* [methods, seeds] */
  mixent_compare_run *runs;
} family_room;

static void draw_family(const family *family, size_t study, const family_room *room) {
  mixent_random random = mixent_random_stream(study, "false alarms", "family");
  const world *world = family->world;
  size_t methods = family->plan->methods, seeds = family->seeds, images = family->plan->images;
  for (size_t i = 0; i < images; i++) room->ease[i] = 1.2 + 1.2 * normal(&random, 0, i);
  for (size_t method = 0, run = 0; method < methods; method++) {
    for (size_t i = 0; i < images; i++)
      room->favour[i] = world->favour > 0 ? world->favour * normal(&random, 2 + method, i) : 0;
    for (size_t seed = 0; seed < seeds; seed++, run++) {
      double luck = world->luck * normal(&random, 1, run) + (method == 1 ? family->shift : 0);
      uint8_t *right = room->right + run * images;
      for (size_t i = 0; i < images; i++) {
        double ease = room->ease[i] + room->favour[i] + luck;
        uint32_t word[4];
        mixent_random_block(&random, 2 + methods + run, i, word);
        right[i] = mixent_uniform_double(word[0], word[1]) < mixent_normal_cdf(ease);
      }
      room->accuracies[run] = share_of(right, images);
      room->runs[run] = (mixent_compare_run){
          .variant = method, .seed = (long)seed, .values = &room->accuracies[run], .right = right};
    }
  }
}

static void judge_family(family *family, size_t study, const family_room *room) {
  static const mixent_measure accuracy = {"accuracy", "accuracy", "", 1, 4, 1, MIXENT_MEASURE_TEST};
  const char *variants[MOST_METHODS], *seeds[MOST_SEEDS];
  size_t methods = family->plan->methods;
  for (size_t i = 0; i < methods; i++) variants[i] = i ? "variant" : "baseline";
  for (size_t i = 0; i < family->seeds; i++) seeds[i] = "seed";
  draw_family(family, study, room);
  const mixent_compare_data data = {.name = "", .items = family->plan->images};
  const mixent_compare_input input = {.measures = &accuracy,
                                      .measure_count = 1,
                                      .variants = variants,
                                      .variant_count = methods,
                                      .seeds = seeds,
                                      .seed_count = family->seeds,
                                      .data = &data,
                                      .data_count = 1,
                                      .runs = room->runs,
                                      .run_count = methods * family->seeds,
                                      .difference = family->margin,
                                      .replicates = 100};
  mixent_comparison *comparison;
  must(mixent_compare(&input, &comparison));
  for (size_t i = 0; i + 1 < methods; i++) {
    const mixent_compare_pair *pair = &comparison->data[0].pairs[i];
    family->verdicts[study * (methods - 1) + i] = (uint8_t)pair->verdict;
    family->scopes[study * (methods - 1) + i] = (uint8_t)pair->scope;
  }
  double deviation = comparison->data[0].pairs[0].measures[0].deviation;
  family->deviations[study] = isnan(deviation) ? 0 : deviation;
  mixent_comparison_free(comparison);
}

static void judge_families(void *context, size_t begin, size_t end) {
  family *family = context;
  size_t runs = family->plan->methods * family->seeds, images = family->plan->images;
  family_room room = {.right = room_for(runs * images, 1),
                      .ease = room_for(images, sizeof(double)),
                      .favour = room_for(images, sizeof(double)),
                      .accuracies = room_for(runs, sizeof(double)),
                      .runs = room_for(runs, sizeof(mixent_compare_run))};
  for (size_t study = begin; study < end; study++) judge_family(family, study, &room);
  free(room.right);
  free(room.ease);
  free(room.favour);
  free(room.accuracies);
  free(room.runs);
}

/* Per cent of studies in which any of the variants first to last - 1 differs (or else is equivalent) in that scope or a wider one. */
static double rate(const family *family, size_t first, size_t last, bool equivalent, mixent_scope scope) {
  size_t sum = 0, each = family->plan->methods - 1;
  for (size_t study = 0; study < family->plan->studies; study++) {
    bool any = false;
    for (size_t i = first; i < last; i++)
      any |= family->scopes[study * each + i] >= (uint8_t)scope &&
             (family->verdicts[study * each + i] == MIXENT_VERDICT_EQUIVALENT) == equivalent;
    sum += any;
  }
  return 100.0 * (double)sum / (double)family->plan->studies;
}

void print_verdicts_heading(const plan *plan) {
  printf(
      "\n%zu variants and a baseline, verdicts in %% of the studies, on these images / on images like these.\n"
      "No difference: any variant differs (false), the first is equivalent (power). The first differs by the margin: it is seen "
      "(power),\nit is equivalent (false), any other differs (false). Below %d seeds every verdict is undecided.\n\n",
      plan->methods - 1, MIXENT_COMPARE_LEAST_SEEDS);
  printf("%-20s %5s %7s  %15s %15s  %15s %15s %15s\n", "world", "seeds", "margin", "false alarms",
         "equivalent", "seen", "equivalent", "others");
}

static void print_rates(const family *family, size_t first, size_t last, bool equivalent) {
  printf("  %6.2f / %6.2f", rate(family, first, last, equivalent, MIXENT_SCOPE_THESE),
         rate(family, first, last, equivalent, MIXENT_SCOPE_LIKE_THESE));
}

void run_verdicts(const plan *plan, const world *world, size_t seeds) {
  size_t variants = plan->methods - 1;
  family family = {.plan = plan,
                   .world = world,
                   .seeds = seeds,
                   .margin = 0.01,
                   .verdicts = room_for(plan->studies, variants),
                   .scopes = room_for(plan->studies, variants),
                   .deviations = room_for(plan->studies, sizeof(double))};
  mixent_parallel_for(plan->studies, 16, judge_families, &family); /* for the margin */
  must(mixent_power_least_difference(seeds, typical(family.deviations, plan->studies),
                                     0.05 / (double)variants, MIXENT_COMPARE_POWER, &family.margin));
  mixent_parallel_for(plan->studies, 16, judge_families, &family);
  printf("%-20s %5zu %7.4f", world->name, seeds, family.margin);
  print_rates(&family, 0, variants, false);
  print_rates(&family, 0, 1, true);
  family.shift = shift_for(world, family.margin);
  mixent_parallel_for(plan->studies, 16, judge_families, &family);
  print_rates(&family, 0, 1, false);
  print_rates(&family, 0, 1, true);
  print_rates(&family, 1, variants, false);
  printf("\n");
  free(family.verdicts);
  free(family.scopes);
  free(family.deviations);
}
