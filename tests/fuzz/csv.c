/* Fuzzing the readers of tables in CSV: what is accepted is whole and becomes finite features, what is refused says where. The first
 * byte chooses options. The rows are read again for the encoder that they were fitted to. */
#include "data/formats/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static mixent_table_options options_of(unsigned bits) {
  return (mixent_table_options){.missing = (mixent_missing)(bits & 1),
                                .separator = bits & 2 ? (mixent_separator)(bits >> 2 & 3) : 0,
                                .decimal = (mixent_decimal)((bits >> 4 & 3) % 3),
                                .categories = bits & 64 ? "2" : NULL,
                                .leave_out = bits & 128 ? "1" : NULL};
}

static char *copy_of(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) exit(0);
  memcpy(text, data, size);
  text[size] = 0;
  return text;
}

static void check_refusal(void) {
  if (strncmp(mixent_last_error(), "fuzz:", 5) != 0) abort();
}

static void check_features(const mixent_images *images) {
  for (size_t i = 0; i < images->count * (size_t)images->channels; i++)
    if (!isfinite(images->features[i])) abort();
}

/* The same rows without labels, by an encoder that came through its JSON. */
static void read_again(const uint8_t *data, size_t size, const mixent_encoder *fitted) {
  mixent_table_columns columns;
  mixent_images images = {0};
  mixent_encoder *encoder;
  char *json, *text = copy_of(data, size);
  if (mixent_encoder_write(fitted, &json) != MIXENT_OK) abort();
  if (mixent_encoder_read(json, "fuzz", &encoder) != MIXENT_OK) abort();
  mixent_status status = mixent_table_place("fuzz", text, size, encoder, NULL, &columns);
  if (status == MIXENT_OK) status = mixent_table_parse("fuzz", text, size, false, &columns, NULL, &images);
  if (status == MIXENT_OK) status = mixent_encoder_apply(encoder, "fuzz", &images);
  if (status == MIXENT_OK)
    check_features(&images);
  else
    check_refusal();
  mixent_images_free(&images);
  mixent_table_columns_free(&columns);
  mixent_encoder_free(encoder);
  free(json);
  free(text);
}

static mixent_status read_tables(const uint8_t *data, size_t size, mixent_table_columns *columns,
                                 mixent_class_names *words, mixent_images parts[2]) {
  mixent_status status = MIXENT_OK;
  for (int part = 0; part < 2 && status == MIXENT_OK; part++) {
    char *text = copy_of(data, size);
    status = mixent_table_parse("fuzz", text, size, part, columns, words, &parts[part]);
    for (size_t i = 0; i < parts[part].count && status == MIXENT_OK; i++)
      if (parts[part].labels[i] < 0 || parts[part].labels[i] >= words->count) abort();
    free(text);
  }
  return status;
}

/* Twice, so that the second table is held against the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_table_columns columns = {0};
  mixent_class_names words = {0};
  mixent_images parts[2] = {0};
  if (size < 1) return 0;
  const mixent_table_options options = options_of(*data++);
  char *text = copy_of(data, --size);
  mixent_status status = mixent_table_plan("fuzz", text, size, &options, &columns);
  free(text);
  if (status == MIXENT_OK) status = read_tables(data, size, &columns, &words, parts);
  if (status == MIXENT_OK) status = mixent_encoder_fit(columns.encoder, "fuzz", &parts[0], &parts[1]);
  for (int part = 0; part < 2 && status == MIXENT_OK; part++) {
    status = mixent_encoder_apply(columns.encoder, "fuzz", &parts[part]);
    if (status == MIXENT_OK) check_features(&parts[part]);
  }
  if (status == MIXENT_OK)
    read_again(data, size, columns.encoder);
  else
    check_refusal();
  for (int part = 0; part < 2; part++) mixent_images_free(&parts[part]);
  mixent_table_columns_free(&columns);
  mixent_class_names_free(&words);
  return 0;
}
