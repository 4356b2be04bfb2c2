/* A mapped file of pixels. Pages that were read stay mapped until `most` bytes have been; then all are let go, and those needed again
 * come from the system's own cache of the file, or from disk. */
#include "data/mapping.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/system.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct mixent_mapping {
  uint8_t *pixels;
  size_t bytes, most;
  atomic_size_t read; /* bytes since pages were let go */
  int owners;
};

/* An image shares its first and last page with its neighbours, and the system maps pages around those that are read. */
enum { MAPPED_PER_READ = 4 };

mixent_status mixent_mapping_open(const char *path, size_t first, size_t bytes, size_t most,
                                  mixent_mapping **out) {
  int descriptor;
  mixent_mapping *mapping;
  MIXENT_TRY(mixent_file_descriptor_open(path, &descriptor));
  mixent_status status = MIXENT_ALLOCATE(1, &mapping);
  if (status == MIXENT_OK) {
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, descriptor, (off_t)first);
    if (map == MAP_FAILED) status = mixent_fail_errno("map", path);
    *mapping = (mixent_mapping){.pixels = map, .bytes = bytes, .most = most / MAPPED_PER_READ, .owners = 1};
  }
  close(descriptor);
  if (status == MIXENT_OK)
    *out = mapping;
  else
    free(mapping);
  return status;
}

uint8_t *mixent_mapping_pixels(const mixent_mapping *mapping) {
  return mapping->pixels;
}

mixent_mapping *mixent_mapping_share(mixent_mapping *mapping) {
  mapping->owners++;
  return mapping;
}

void mixent_mapping_free(mixent_mapping *mapping) {
  if (!mapping || --mapping->owners) return;
  munmap(mapping->pixels, mapping->bytes);
  free(mapping);
}

static size_t size_of_image(const mixent_images *images) {
  return (size_t)images->side * (size_t)images->side * (size_t)images->channels;
}

void mixent_images_were_read(const mixent_images *images, size_t count) {
  mixent_mapping *mapping = images->mapping;
  if (!mapping) return;
  size_t bytes = count * size_of_image(images);
  if (atomic_fetch_add(&mapping->read, bytes) + bytes < mapping->most) return;
  atomic_store(&mapping->read, 0);
  mixent_memory_let_go(mapping->pixels, mapping->bytes);
}

void mixent_images_read_ahead(const mixent_images *images, const uint32_t *indices, size_t count) {
  if (!images->mapping) return;
  size_t size = size_of_image(images), page = (size_t)sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < count; i++) {
    uintptr_t begin = (uintptr_t)(images->pixels + indices[i] * size), start = begin / page * page;
    posix_madvise((void *)start, begin + size - start,
                  POSIX_MADV_WILLNEED); /* advice: where it fails, reading waits */
  }
}
