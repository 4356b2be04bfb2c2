/* Exact duplicates by a hash of their bytes; constant images; sizes of classes. */
#include "data/inspect/inspect.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static size_t count_of(const mixent_dataset *dataset) {
  return dataset->train.count + dataset->test.count;
}

/* ----------------------------------------------------------------- duplicates ----- */

typedef struct hashed {
  uint64_t hash;
  size_t number;
} hashed;

/* FNV-1a over words of eight bytes; what it takes for equal is compared byte by byte. */
static uint64_t hash_bytes(const uint8_t *bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; size;) {
    uint64_t word = 0;
    size_t taken = size < sizeof word ? size : sizeof word;
    memcpy(&word, bytes, taken);
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 29;
    bytes += taken, size -= taken;
  }
  return hash;
}

static int compare_hashed(const void *a, const void *b) {
  const hashed *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->number > y->number) - (x->number < y->number);
}

static mixent_status add_duplicate(mixent_inspection *out, size_t number) {
  MIXENT_TRY(MIXENT_GROW(&out->duplicates, out->duplicate_count, "a list of duplicates"));
  out->duplicates[out->duplicate_count++] = number;
  return MIXENT_OK;
}

static mixent_status end_group(const mixent_dataset *dataset, size_t begin, mixent_inspection *out) {
  mixent_duplicate_group group = {.begin = begin, .count = out->duplicate_count - begin};
  const size_t *members = out->duplicates + begin;
  for (size_t i = 1; i < group.count; i++)
    group.conflict |=
        mixent_inspection_label(dataset, members[i]) != mixent_inspection_label(dataset, members[0]);
  group.across = members[0] < dataset->train.count && members[group.count - 1] >= dataset->train.count;
  MIXENT_TRY(MIXENT_GROW(&out->groups, out->group_count, "a list of duplicates"));
  out->groups[out->group_count++] = group;
  return MIXENT_OK;
}

/* Of images with one hash: each that is not in a group yet begins one, if another one equals it. */
static mixent_status group_equal(const mixent_dataset *dataset, hashed *items, size_t count,
                                 mixent_inspection *out) {
  for (size_t i = 0; i < count; i++) {
    size_t begin = out->duplicate_count;
    if (items[i].number == SIZE_MAX) continue;
    for (size_t j = i + 1; j < count; j++) {
      if (items[j].number == SIZE_MAX || !mixent_inspection_equal(dataset, items[i].number, items[j].number))
        continue;
      if (begin == out->duplicate_count) MIXENT_TRY(add_duplicate(out, items[i].number));
      MIXENT_TRY(add_duplicate(out, items[j].number));
      items[j].number = SIZE_MAX;
    }
    if (begin < out->duplicate_count) MIXENT_TRY(end_group(dataset, begin, out));
  }
  return MIXENT_OK;
}

static mixent_status find_duplicates(const mixent_dataset *dataset, mixent_inspection *out) {
  size_t count = count_of(dataset), size;
  hashed *items;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &items));
  for (size_t i = 0; i < count; i++) {
    const uint8_t *bytes = mixent_inspection_bytes(dataset, i, &size);
    items[i] = (hashed){hash_bytes(bytes, size), i};
  }
  if (count) qsort(items, count, sizeof *items, compare_hashed);
  mixent_status status = MIXENT_OK;
  for (size_t begin = 0, end; begin < count && status == MIXENT_OK; begin = end) {
    for (end = begin + 1; end < count && items[end].hash == items[begin].hash;) end++;
    if (end - begin > 1) status = group_equal(dataset, items + begin, end - begin, out);
  }
  free(items);
  return status;
}

/* Conflicts first, then groups across train and test, then large ones. */
static int compare_groups(const void *a, const void *b) {
  const mixent_duplicate_group *x = a, *y = b;
  if (x->conflict != y->conflict) return x->conflict ? -1 : 1;
  if (x->across != y->across) return x->across ? -1 : 1;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return (x->begin > y->begin) - (x->begin < y->begin);
}

/* ------------------------------------------------------------ the other faults ---- */

/* All pixels are as the first one. */
static mixent_status find_constant(const mixent_dataset *dataset, mixent_inspection *out) {
  const size_t channels = (size_t)dataset->train.channels;
  for (size_t i = 0; i < count_of(dataset) && !dataset->train.features; i++) {
    size_t size;
    const uint8_t *bytes = mixent_inspection_bytes(dataset, i, &size);
    if (memcmp(bytes, bytes + channels, size - channels) != 0) continue;
    MIXENT_TRY(MIXENT_GROW(&out->constant, out->constant_count, "a list of images"));
    out->constant[out->constant_count++] = i;
  }
  return MIXENT_OK;
}

static mixent_status inspect(const mixent_dataset *dataset, double near, mixent_inspection *out) {
  for (int part = 0; part < 2; part++) {
    const mixent_images *images = part ? &dataset->test : &dataset->train;
    MIXENT_TRY(MIXENT_ALLOCATE((size_t)dataset->classes, &out->counts[part]));
    for (size_t i = 0; i < images->count; i++) out->counts[part][images->labels[i]]++;
  }
  MIXENT_TRY(find_duplicates(dataset, out));
  if (out->group_count) qsort(out->groups, out->group_count, sizeof *out->groups, compare_groups);
  MIXENT_TRY(find_constant(dataset, out));
  return near > 0 && !dataset->train.features ? mixent_near_find(dataset, near, out) : MIXENT_OK;
}

mixent_status mixent_dataset_inspect(const mixent_dataset *dataset, double near, mixent_inspection *out) {
  *out = (mixent_inspection){0};
  mixent_status status = inspect(dataset, near, out);
  if (status != MIXENT_OK) mixent_inspection_free(out);
  return status;
}

void mixent_inspection_free(mixent_inspection *inspection) {
  for (int part = 0; part < 2; part++) free(inspection->counts[part]);
  free(inspection->duplicates);
  free(inspection->groups);
  free(inspection->near);
  free(inspection->constant);
  *inspection = (mixent_inspection){0};
}
