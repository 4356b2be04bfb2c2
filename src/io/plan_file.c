/* Plan files: parsed with distrust, written to be read. */
#include "io/plan_file.h"
#include "core/file.h"
#include "core/format_version.h"
#include "core/sha256.h"
#include "core/yaml.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
enum { LARGEST = 1 << 20, MOST = 65536, MOST_CLASSES = 1 << 20, FORMAT = 1 };

/* The fields of the key, in the order in which they are written. */
typedef struct field {
  const char *name;
  size_t offset;
  long most; /* of a number; 0: a text */
  size_t size;
} field;
#define TEXT(name)                                                                                           \
  { #name, offsetof(mixent_plan_key, name), 0, sizeof((mixent_plan_key *)0)->name }
#define NUMBER(name, most)                                                                                   \
  { #name, offsetof(mixent_plan_key, name), most, 0 }
static const field fields[] = {TEXT(processor),
                               TEXT(instructions),
                               TEXT(mixent),
                               TEXT(onednn),
                               TEXT(net),
                               TEXT(net_hash),
                               NUMBER(channels, 65536),
                               NUMBER(side, 256),
                               NUMBER(classes, MOST_CLASSES),
                               NUMBER(batch, MOST),
                               NUMBER(threads, MOST),
                               TEXT(precision)};
enum { FIELDS = sizeof fields / sizeof *fields };

const char *const mixent_pass_names[] = {"forward", "backward weights", "backward data"};

void mixent_plan_file_free(mixent_plan_file *file) {
  if (!file) return;
  for (size_t i = 0; i < file->count; i++) {
    mixent_plan_entry *entry = &file->entries[i];
    for (size_t t = 0; t < entry->time_count; t++) free(entry->times[t].backend);
    free(entry->times);
    free(entry->layer);
    free(entry->backend);
    free(entry->table);
  }
  free(file->entries);
  free(file->origin);
  free(file);
}

mixent_status mixent_plan_file_create(const char *origin, size_t count, mixent_plan_file **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  mixent_status status = mixent_copy_text(origin, &(*out)->origin);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count, &(*out)->entries);
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_plan_file_free(*out);
  *out = NULL;
  return status;
}

const mixent_plan_time *mixent_plan_entry_time(const mixent_plan_entry *entry, const char *backend) {
  for (size_t i = 0; i < entry->time_count; i++)
    if (strcmp(entry->times[i].backend, backend) == 0) return &entry->times[i];
  return NULL;
}

/* Reading. */

/* The child of that name, which must be there. */
static mixent_status find(const mixent_yaml *mapping, const char *name, const mixent_yaml **out) {
  *out = mixent_yaml_find(mapping, name);
  return *out ? MIXENT_OK
              : mixent_yaml_fail(mapping, "'%s' is missing; 'mixent tune' writes whole plans", name);
}

static mixent_status read_key_text(const mixent_yaml *node, size_t size, char *out) {
  if (node->kind != MIXENT_YAML_SCALAR || !*node->text)
    return mixent_yaml_fail(node, "%s: expected a text", node->key);
  if (strlen(node->text) >= size)
    return mixent_yaml_fail(node, "%s: longer than %zu bytes", node->key, size - 1);
  memcpy(out, node->text, strlen(node->text) + 1);
  return MIXENT_OK;
}

static mixent_status read_key(const mixent_yaml *root, mixent_plan_key *key) {
  for (size_t i = 0; i < FIELDS; i++) {
    const mixent_yaml *node;
    char *to = (char *)key + fields[i].offset;
    MIXENT_TRY(find(root, fields[i].name, &node));
    if (fields[i].most)
      MIXENT_TRY(mixent_yaml_integer(node, 1, fields[i].most, (long *)(void *)to));
    else
      MIXENT_TRY(read_key_text(node, fields[i].size, to));
  }
  return MIXENT_OK;
}

/* A name of letters, digits, '.', '_' and '-', as layers and back ends have. */
static mixent_status read_name(const mixent_yaml *mapping, const char *key, char **out) {
  const mixent_yaml *node;
  MIXENT_TRY(find(mapping, key, &node));
  if (node->kind != MIXENT_YAML_SCALAR || !*node->text || node->text[strspn(node->text, PLAIN)])
    return mixent_yaml_fail(node, "%s: expected a name of letters, digits, '.', '_' and '-'", key);
  return mixent_copy_text(node->text, out);
}

static mixent_status read_pass(const mixent_yaml *mapping, const char **out) {
  const mixent_yaml *node;
  MIXENT_TRY(find(mapping, "pass", &node));
  for (int pass = MIXENT_FORWARD; pass <= MIXENT_BACKWARD_DATA; pass++)
    if (node->kind == MIXENT_YAML_SCALAR && strcmp(node->text, mixent_pass_names[pass]) == 0) {
      *out = mixent_pass_names[pass];
      return MIXENT_OK;
    }
  return mixent_yaml_fail(node, "pass: expected one of %s, %s, %s", mixent_pass_names[0],
                          mixent_pass_names[1], mixent_pass_names[2]);
}

static mixent_status read_times(const mixent_yaml *mapping, mixent_plan_entry *entry) {
  const mixent_yaml *times = mixent_yaml_find(mapping, "milliseconds");
  if (!times) return MIXENT_OK;
  if (times->kind != MIXENT_YAML_MAPPING)
    return mixent_yaml_fail(times, "milliseconds: expected a time for each back end, {onednn: 1.5}");
  MIXENT_TRY(MIXENT_ALLOCATE(times->count, &entry->times));
  for (size_t i = 0; i < times->count; i++) {
    mixent_plan_time *time = &entry->times[entry->time_count];
    MIXENT_TRY(mixent_yaml_number(&times->children[i], 0, 1e9, &time->milliseconds));
    MIXENT_TRY(mixent_copy_text(times->children[i].key, &time->backend));
    entry->time_count++;
  }
  return MIXENT_OK;
}

static mixent_status read_entry(const mixent_yaml *node, const mixent_plan_file *file,
                                mixent_plan_entry *entry) {
  static const char *const keys[] = {"layer", "pass", "backend", "table", "milliseconds", NULL};
  entry->line = node->line, entry->column = node->column;
  if (node->kind != MIXENT_YAML_MAPPING)
    return mixent_yaml_fail(node, "expected {layer: NAME, pass: PASS, backend: NAME}");
  MIXENT_TRY(mixent_yaml_check_keys(node, keys));
  MIXENT_TRY(read_name(node, "layer", &entry->layer));
  MIXENT_TRY(read_pass(node, &entry->pass));
  MIXENT_TRY(read_name(node, "backend", &entry->backend));
  if (mixent_yaml_find(node, "table")) MIXENT_TRY(read_name(node, "table", &entry->table));
  MIXENT_TRY(read_times(node, entry));
  for (const mixent_plan_entry *other = file->entries; other < entry; other++)
    if (strcmp(other->layer, entry->layer) == 0 && other->pass == entry->pass)
      return mixent_yaml_fail(node, "layer %s, %s is given twice, first in line %d", entry->layer,
                              entry->pass, other->line);
  return MIXENT_OK;
}

/* No file of format 1 says its format. */
static mixent_status check_format(const mixent_yaml *root, const char *origin) {
  long format = 1;
  const mixent_yaml *node = mixent_yaml_find(root, "format");
  if (node) MIXENT_TRY(mixent_yaml_integer(node, 1, LONG_MAX, &format));
  return mixent_format_check(origin, "a plan file", format, FORMAT);
}

static mixent_status read_tree(const mixent_yaml *root, const char *origin, mixent_plan_file **out) {
  const char *keys[FIELDS + 3] = {"format"};
  const mixent_yaml *layers;
  for (size_t i = 0; i < FIELDS; i++) keys[1 + i] = fields[i].name;
  keys[1 + FIELDS] = "layers";
  if (root->kind != MIXENT_YAML_MAPPING)
    return mixent_yaml_fail(root, "no plan: it begins with no 'processor:'");
  MIXENT_TRY(check_format(root, origin));
  MIXENT_TRY(mixent_yaml_check_keys(root, keys));
  MIXENT_TRY(find(root, "layers", &layers));
  if (layers->kind == MIXENT_YAML_MAPPING || (layers->kind == MIXENT_YAML_SCALAR && *layers->text))
    return mixent_yaml_fail(layers, "layers: expected a list of {layer: NAME, pass: PASS, backend: NAME}");
  if (layers->count > MOST) return mixent_yaml_fail(layers, "layers: more than %d", MOST);
  MIXENT_TRY(mixent_plan_file_create(origin, layers->count, out));
  MIXENT_TRY(read_key(root, &(*out)->key));
  for (size_t i = 0; i < layers->count; i++) {
    mixent_plan_entry *entry = &(*out)->entries[(*out)->count++];
    MIXENT_TRY(read_entry(&layers->children[i], *out, entry));
  }
  return MIXENT_OK;
}

mixent_status mixent_plan_file_parse(const char *text, size_t length, const char *origin,
                                     mixent_plan_file **out) {
  mixent_yaml *root;
  *out = NULL;
  MIXENT_TRY(mixent_yaml_parse(text, length, origin, &root));
  mixent_status status = read_tree(root, origin, out);
  mixent_yaml_free(root);
  if (status != MIXENT_OK) {
    mixent_plan_file_free(*out);
    *out = NULL;
  }
  return status;
}

mixent_status mixent_plan_file_read(const char *path, mixent_plan_file **out) {
  char *text;
  size_t length;
  *out = NULL;
  MIXENT_TRY(mixent_file_read(path, LARGEST, &text, &length));
  mixent_status status = mixent_plan_file_parse(text, length, path, out);
  free(text);
  return status;
}

/* Writing. */

static void write_entry(const mixent_plan_entry *entry, mixent_text *out) {
  mixent_text_append(out, "  - {layer: %s, pass: %s, backend: %s", entry->layer, entry->pass, entry->backend);
  if (entry->table) mixent_text_append(out, ", table: %s", entry->table);
  for (size_t i = 0; i < entry->time_count; i++) {
    mixent_text_append(out, i ? ", " : ",\n     milliseconds: {");
    mixent_yaml_word_write(entry->times[i].backend, out);
    mixent_text_append(out, ": %.4f", entry->times[i].milliseconds);
  }
  mixent_text_append(out, entry->time_count ? "}}\n" : "}\n");
}

static void write_key(const mixent_plan_key *key, mixent_text *out) {
  for (size_t i = 0; i < FIELDS; i++) {
    const char *from = (const char *)key + fields[i].offset;
    mixent_text_append(out, "%s: ", fields[i].name);
    if (fields[i].most)
      mixent_text_append(out, "%ld", *(const long *)(const void *)from);
    else
      mixent_yaml_word_write(from, out);
    mixent_text_append(out, "\n");
  }
}

void mixent_plan_file_text(const mixent_plan_file *file, mixent_text *out) {
  mixent_text_append(out, "# A plan of mixent: the back end that computes each pass of each convolution,\n"
                          "# and what that was chosen for. `mixent train --plan FILE` takes it.\n");
  write_key(&file->key, out);
  mixent_text_append(out, "layers:%s\n", file->count ? "" : " []");
  for (size_t i = 0; i < file->count; i++) write_entry(&file->entries[i], out);
}

mixent_status mixent_plan_file_write(const mixent_plan_file *file, const char *path) {
  mixent_text text = {0};
  mixent_plan_file_text(file, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(path, text.data, text.length);
  mixent_text_free(&text);
  return status;
}

char *mixent_plan_key_name(const mixent_plan_key *key) {
  mixent_text text = {0};
  mixent_sha256 hash;
  char digits[65], net[33], *name = NULL;
  write_key(key, &text);
  if (mixent_text_status(&text) != MIXENT_OK) return NULL;
  mixent_sha256_begin(&hash);
  mixent_sha256_add(&hash, text.data, text.length);
  mixent_sha256_end(&hash, digits);
  mixent_text_free(&text);
  snprintf(net, sizeof net, "%.32s", key->net);
  for (char *c = net; *c; c++)
    if (!strchr(PLAIN, *c)) *c = '_';
  mixent_print_text(&name, "%s-%ld-%s-%.16s.yaml", net, key->batch, key->precision, digits);
  return name;
}

void mixent_plan_choice_hash(mixent_sha256 *hash, const char *layer, const char *pass, const char *backend) {
  const char *const words[] = {layer, " ", pass, " ", backend, "\n"};
  for (size_t i = 0; i < 6; i++) mixent_sha256_add(hash, words[i], strlen(words[i]));
}

void mixent_plan_file_hash(const mixent_plan_file *file, char out[MIXENT_PLAN_HASH]) {
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  for (size_t i = 0; i < file->count; i++)
    mixent_plan_choice_hash(&hash, file->entries[i].layer, file->entries[i].pass, file->entries[i].backend);
  mixent_sha256_end(&hash, out);
}

static void compare_text(const char *name, const char *a, const char *b, mixent_text *out) {
  if (strcmp(a, b) != 0)
    mixent_text_append(out, "%s%s %s, not %s", out->length ? "; " : "", name, *a ? a : "none",
                       *b ? b : "none");
}

static void compare_number(const char *name, long a, long b, mixent_text *out) {
  if (a != b) mixent_text_append(out, "%s%s %ld, not %ld", out->length ? "; " : "", name, a, b);
}

void mixent_plan_key_differences(const mixent_plan_key *a, const mixent_plan_key *b, mixent_text *out) {
  compare_text("network", a->net, b->net, out);
  if (strcmp(a->net, b->net) == 0 && strcmp(a->net_hash, b->net_hash) != 0)
    mixent_text_append(out, "%sa network %s with another description", out->length ? "; " : "", a->net);
  compare_number("channels", a->channels, b->channels, out);
  compare_number("side", a->side, b->side, out);
  compare_number("classes", a->classes, b->classes, out);
  compare_number("batch", a->batch, b->batch, out);
  compare_number("threads", a->threads, b->threads, out);
  compare_text("precision", a->precision, b->precision, out);
  compare_text("processor", a->processor, b->processor, out);
  compare_text("instructions", a->instructions, b->instructions, out);
  compare_text("mixent", a->mixent, b->mixent, out);
  compare_text("oneDNN", a->onednn, b->onednn, out);
}

bool mixent_plan_key_equal(const mixent_plan_key *a, const mixent_plan_key *b) {
  mixent_text differences = {0};
  mixent_plan_key_differences(a, b, &differences);
  bool equal = !differences.length && !differences.failed;
  mixent_text_free(&differences);
  return equal;
}
