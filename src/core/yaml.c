/* YAML text into a tree with positions, on libyaml's events. Only what descriptions and recipes need: plain
 * trees; anchors, aliases, several documents and keys that are not scalars are refused with their position. */
#include "core/yaml.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 32 };

typedef struct reader {
  yaml_parser_t parser;
  const char *origin, *text; /* [length] */
  size_t length;
  int depth;
} reader;

static mixent_status read_node(reader *reader, yaml_event_t *event, mixent_yaml *node);

mixent_status mixent_yaml_fail(const mixent_yaml *node, const char *format, ...) {
  mixent_text message = {0};
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = mixent_print_new(&text, format, arguments);
  va_end(arguments);
  if (length < 0) return mixent_no_memory("a message");
  mixent_text_append(&message, "%s:%d:%d: %s", node->origin, node->line, node->column, text);
  free(text);
  mixent_status status =
      message.failed ? mixent_text_status(&message) : mixent_fail(MIXENT_ERROR_FORMAT, "%s", message.data);
  mixent_text_free(&message);
  return status;
}

/* Whether a line, counted from 0, is indented by a tab, which YAML does not take. */
static bool has_tab(const reader *reader, size_t line) {
  const char *at = reader->text, *end = at + reader->length;
  for (; line && at < end; at++) line -= *at == '\n';
  while (at < end && *at == ' ') at++;
  return at < end && *at == '\t';
}

static mixent_status next_event(reader *reader, yaml_event_t *event) {
  if (yaml_parser_parse(&reader->parser, event)) return MIXENT_OK;
  const yaml_parser_t *parser = &reader->parser;
  if (parser->error == YAML_MEMORY_ERROR) return mixent_no_memory("%s", reader->origin);
  const char *problem = parser->problem ? parser->problem : "not YAML";
  if (parser->error == YAML_READER_ERROR)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s at byte %zu", reader->origin, problem,
                       parser->problem_offset);
  if (has_tab(reader, parser->problem_mark.line))
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s:%zu:1: a tab begins this line; YAML is indented by spaces alone", reader->origin,
                       parser->problem_mark.line + 1);
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: %s%s%s", reader->origin, parser->problem_mark.line + 1,
                     parser->problem_mark.column + 1, problem, parser->context ? " " : "",
                     parser->context ? parser->context : "");
}

/* A node's position is where it starts; below a mapping, where its key starts. */
static void set_position(const reader *reader, const yaml_event_t *event, mixent_yaml *node) {
  node->origin = reader->origin;
  node->line = (int)event->start_mark.line + 1;
  node->column = (int)event->start_mark.column + 1;
}

static mixent_status copy_scalar(const yaml_event_t *event, const mixent_yaml *node, const char **out) {
  const char *value = (const char *)event->data.scalar.value;
  if (strlen(value) != event->data.scalar.length) return mixent_yaml_fail(node, "the text holds a zero byte");
  char *copy;
  MIXENT_TRY(mixent_copy_text(value, &copy));
  *out = copy;
  return MIXENT_OK;
}

/* A fresh child at the end of `parent`. */
static mixent_status add_child(mixent_yaml *parent, mixent_yaml **out) {
  MIXENT_TRY(MIXENT_GROW(&parent->children, parent->count, "YAML"));
  *out = &parent->children[parent->count++];
  **out = (mixent_yaml){.origin = parent->origin, .line = parent->line, .column = parent->column};
  return MIXENT_OK;
}

static mixent_status read_key(const reader *reader, const yaml_event_t *event, mixent_yaml *child) {
  set_position(reader, event, child);
  if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor)
    return mixent_yaml_fail(child, "a key must be a plain word");
  return copy_scalar(event, child, &child->key);
}

static int compare_keys(const void *a, const void *b) {
  const mixent_yaml *first = *(const mixent_yaml *const *)a, *second = *(const mixent_yaml *const *)b;
  int order = strcmp(first->key, second->key);
  return order ? order : (first > second) - (first < second); /* as they stand in the text */
}

/* By sorting, n log n: a file of a hundred thousand keys takes no minute. */
static mixent_status check_twice(const mixent_yaml *mapping) {
  if (mapping->count < 2) return MIXENT_OK;
  const mixent_yaml **sorted, *first = NULL, *second = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(mapping->count, &sorted));
  for (size_t i = 0; i < mapping->count; i++) sorted[i] = &mapping->children[i];
  qsort(sorted, mapping->count, sizeof *sorted, compare_keys);
  for (size_t i = 1; i < mapping->count; i++)
    if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 && (!second || sorted[i] < second))
      first = sorted[i - 1], second = sorted[i];
  free(sorted);
  return second ? mixent_yaml_fail(second, "%s is given twice, first in line %d", second->key, first->line)
                : MIXENT_OK;
}

static mixent_status read_children(reader *reader, mixent_yaml *node) {
  bool mapping = node->kind == MIXENT_YAML_MAPPING;
  for (;;) {
    yaml_event_t event;
    MIXENT_TRY(next_event(reader, &event));
    mixent_yaml *child = NULL;
    mixent_status status = MIXENT_OK;
    bool end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
    if (!end) status = add_child(node, &child);
    if (!end && status == MIXENT_OK && mapping) {
      status = read_key(reader, &event, child);
      yaml_event_delete(&event);
      if (status == MIXENT_OK) MIXENT_TRY(next_event(reader, &event));
    }
    if (!end && status == MIXENT_OK) status = read_node(reader, &event, child);
    yaml_event_delete(&event);
    if (end) return mapping ? check_twice(node) : MIXENT_OK;
    if (status != MIXENT_OK) return status;
  }
}

/* Reads the node that `event` begins. */
static mixent_status read_node(reader *reader, yaml_event_t *event, mixent_yaml *node) {
  if (!node->key) set_position(reader, event, node);
  const yaml_char_t *anchor = NULL;
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    anchor = event->data.scalar.anchor;
    node->kind = MIXENT_YAML_SCALAR;
    MIXENT_TRY(copy_scalar(event, node, &node->text));
    break;
  case YAML_SEQUENCE_START_EVENT:
    anchor = event->data.sequence_start.anchor;
    node->kind = MIXENT_YAML_SEQUENCE;
    break;
  case YAML_MAPPING_START_EVENT:
    anchor = event->data.mapping_start.anchor;
    node->kind = MIXENT_YAML_MAPPING;
    break;
  default: return mixent_yaml_fail(node, "aliases are not supported: write the value out");
  }
  if (anchor) return mixent_yaml_fail(node, "anchors are not supported: write the value out");
  if (node->kind == MIXENT_YAML_SCALAR) return MIXENT_OK;
  if (++reader->depth > MAX_DEPTH)
    return mixent_yaml_fail(node, "nested more than %d levels deep", MAX_DEPTH);
  mixent_status status = read_children(reader, node);
  reader->depth--;
  return status;
}

static mixent_status read_document(reader *reader, mixent_yaml *root) {
  mixent_status status = MIXENT_OK;
  bool seen = false;
  for (bool more = true; more && status == MIXENT_OK;) {
    yaml_event_t event;
    MIXENT_TRY(next_event(reader, &event));
    switch (event.type) {
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: break;
    case YAML_STREAM_END_EVENT:
      more = false;
      if (!seen) status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: there is nothing in it", reader->origin);
      break;
    case YAML_DOCUMENT_START_EVENT:
      set_position(reader, &event, root);
      if (seen) status = mixent_yaml_fail(root, "a second document starts here: only one is expected");
      seen = true;
      break;
    default: status = read_node(reader, &event, root);
    }
    yaml_event_delete(&event);
  }
  return status;
}

/* libyaml compares each %TAG with all before it. Nothing here takes tags, so that a document needs none. */
static mixent_status check_directives(const char *text, size_t length, const char *origin) {
  enum { MOST = 100 };
  size_t count = 0;
  for (const char *line = text, *end = text + length; line && line < end && count <= MOST;) {
    count += *line == '%';
    line = memchr(line, '\n', (size_t)(end - line));
    if (line) line++;
  }
  if (count <= MOST) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: more than %d lines begin with %%, which YAML keeps for directives; remove them",
                     origin, MOST);
}

mixent_status mixent_yaml_parse(const char *text, size_t length, const char *origin, mixent_yaml **out) {
  *out = NULL;
  if (length == 0) text = ""; /* of an empty tensor it may be NULL, which libyaml does not take */
  MIXENT_TRY(check_directives(text, length, origin));
  mixent_yaml *root = NULL;
  char *copy = NULL;
  reader reader = {.text = text, .length = length};
  mixent_status status = MIXENT_ALLOCATE(1, &root);
  if (status == MIXENT_OK) status = mixent_copy_text(origin, &copy);
  if (status == MIXENT_OK && !yaml_parser_initialize(&reader.parser)) status = mixent_no_memory("%s", origin);
  if (status != MIXENT_OK) {
    free(root);
    free(copy);
    return status;
  }
  root->origin = reader.origin = copy;
  yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
  status = read_document(&reader, root);
  yaml_parser_delete(&reader.parser);
  if (status != MIXENT_OK) {
    mixent_yaml_free(root);
    return status;
  }
  *out = root;
  return MIXENT_OK;
}

static void free_children(mixent_yaml *node) {
  for (size_t i = 0; i < node->count; i++) free_children(&node->children[i]);
  free(node->children);
  free((char *)node->key);
  free((char *)node->text);
}

void mixent_yaml_free(mixent_yaml *root) {
  if (!root) return;
  free_children(root);
  free((char *)root->origin); /* shared by all nodes */
  free(root);
}

const mixent_yaml *mixent_yaml_find(const mixent_yaml *mapping, const char *key) {
  if (!mapping || mapping->kind != MIXENT_YAML_MAPPING) return NULL;
  for (size_t i = 0; i < mapping->count; i++)
    if (strcmp(mapping->children[i].key, key) == 0) return &mapping->children[i];
  return NULL;
}

/* "rate: " before a complaint about a value that has a key. */
static mixent_status fail_value(const mixent_yaml *node, const char *wanted) {
  const char *key = node->key ? node->key : "", *colon = node->key ? ": " : "";
  if (node->kind != MIXENT_YAML_SCALAR)
    return mixent_yaml_fail(node, "%s%sexpected %s, got a %s", key, colon, wanted,
                            node->kind == MIXENT_YAML_MAPPING ? "mapping" : "list");
  return mixent_yaml_fail(node, "%s%sexpected %s, got '%s'", key, colon, wanted, node->text);
}

mixent_status mixent_yaml_integer(const mixent_yaml *node, long low, long high, long *out) {
  char wanted[96] = "a whole number", *end = NULL;
  if (low != LONG_MIN && high != LONG_MAX)
    snprintf(wanted, sizeof wanted, "a whole number from %ld to %ld", low, high);
  else if (low != LONG_MIN)
    snprintf(wanted, sizeof wanted, "a whole number, at least %ld", low);
  else if (high != LONG_MAX)
    snprintf(wanted, sizeof wanted, "a whole number, at most %ld", high);
  if (node->kind != MIXENT_YAML_SCALAR) return fail_value(node, wanted);
  errno = 0;
  long value = strtol(node->text, &end, 10);
  if (end == node->text || *end || errno || value < low || value > high) return fail_value(node, wanted);
  *out = value;
  return MIXENT_OK;
}

mixent_status mixent_yaml_number(const mixent_yaml *node, double low, double high, double *out) {
  char wanted[96] = "a number", *end = NULL;
  if (isfinite(low) && isfinite(high))
    mixent_print(wanted, sizeof wanted, "a number from %g to %g", low, high);
  else if (isfinite(low))
    mixent_print(wanted, sizeof wanted, "a number, at least %g", low);
  else if (isfinite(high))
    mixent_print(wanted, sizeof wanted, "a number, at most %g", high);
  if (node->kind != MIXENT_YAML_SCALAR) return fail_value(node, wanted);
  double value = mixent_number_read(node->text, &end);
  if (end == node->text || *end || strpbrk(node->text, "xX") || !isfinite(value) || value < low ||
      value > high)
    return fail_value(node, wanted);
  *out = value;
  return MIXENT_OK;
}

bool mixent_yaml_word_boolean(const char *word, bool *out) {
  static const char *const words[] = {"true", "yes", "on", "false", "no", "off"};
  for (size_t i = 0; i < 6; i++)
    if (mixent_same_word(word, words[i])) {
      *out = i < 3;
      return true;
    }
  return false;
}

mixent_status mixent_yaml_boolean(const mixent_yaml *node, bool *out) {
  if (node->kind == MIXENT_YAML_SCALAR && mixent_yaml_word_boolean(node->text, out)) return MIXENT_OK;
  return fail_value(node, "true or false");
}

mixent_status mixent_yaml_check_keys(const mixent_yaml *mapping, const char *const *allowed) {
  if (mapping->kind != MIXENT_YAML_MAPPING) return MIXENT_OK;
  for (size_t i = 0; i < mapping->count; i++) {
    const mixent_yaml *child = &mapping->children[i];
    bool known = false;
    for (const char *const *name = allowed; *name && !known; name++) known = strcmp(child->key, *name) == 0;
    if (known) continue;
    const char *nearest = mixent_nearest_name(child->key, allowed);
    if (nearest) return mixent_yaml_fail(child, "unknown '%s'; did you mean '%s'?", child->key, nearest);
    mixent_text all = {0};
    mixent_text_append_names(&all, allowed);
    mixent_status status =
        all.failed ? mixent_text_status(&all)
        : all.data ? mixent_yaml_fail(child, "unknown '%s'; known here: %s", child->key, all.data)
                   : mixent_yaml_fail(child, "unknown '%s'; nothing is expected here", child->key);
    mixent_text_free(&all);
    return status;
  }
  return MIXENT_OK;
}

/* The code point of a character of `size` bytes (UTF-8). */
static unsigned code_point(const char *text, size_t size) {
  unsigned point = (unsigned char)*text;
  if (size > 1) point &= 0x7fu >> size;
  for (size_t i = 1; i < size; i++) point = point << 6 | ((unsigned char)text[i] & 0x3fu);
  return point;
}

/* What YAML refuses (control characters, a byte order mark) or takes for the end of a line (U+0085, U+2028, U+2029). */
static bool needs_escape(unsigned point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
         point == 0xfeff || point == 0xfffe || point == 0xffff;
}

/* In double quotes, as JSON and YAML both read it. */
static void write_quoted(const char *text, mixent_text *out) {
  mixent_text_append(out, "\"");
  for (size_t size; *text; text += size) {
    size = mixent_character_size(text);
    if (!size) size = 1; /* no UTF-8: nothing reads it back */
    unsigned point = code_point(text, size);
    if (*text == '"' || *text == '\\')
      mixent_text_append(out, "\\%c", *text);
    else if (needs_escape(point))
      mixent_text_append(out, "\\u%04x", point);
    else
      mixent_text_append(out, "%.*s", (int)size, text);
  }
  mixent_text_append(out, "\"");
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Words of letters, digits, '-', '_', '.', '/' that begin with a letter or '/' stand bare. */
static bool is_plain(const char *text) {
  return *text && strchr(LETTERS "/", *text) && text[strspn(text, LETTERS "0123456789-_./")] == 0;
}

void mixent_yaml_word_write(const char *text, mixent_text *out) {
  if (is_plain(text))
    mixent_text_append(out, "%s", text);
  else
    write_quoted(text, out);
}
