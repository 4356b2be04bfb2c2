/* A field is a key (its number, and the kind of its value in the lowest three bits) and a value: see onnx.c, which writes them. */
#include "io/protobuf.h"

#include <string.h>

bool mixent_bytes_same(mixent_bytes a, mixent_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool mixent_bytes_are(mixent_bytes bytes, const char *text) {
  return mixent_bytes_same(bytes, (mixent_bytes){(const unsigned char *)text, strlen(text)});
}

bool mixent_varint_next(mixent_bytes *rest, uint64_t *out) {
  enum { MOST = 10 };
  *out = 0;
  for (size_t i = 0; i < rest->size && i < MOST; i++) {
    *out |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
    if (rest->data[i] & 0x80) continue;
    rest->data += i + 1, rest->size -= i + 1;
    return true;
  }
  return false;
}

static bool take(mixent_bytes *rest, uint64_t size, mixent_bytes *out) {
  if (size > rest->size) return false;
  *out = (mixent_bytes){rest->data, (size_t)size};
  rest->data += size, rest->size -= (size_t)size;
  return true;
}

bool mixent_field_next(mixent_bytes *rest, mixent_field *out) {
  mixent_bytes all = *rest;
  uint64_t key, size;
  if (!rest->size) return false;
  bool right = mixent_varint_next(rest, &key) && key >> 3 > 0 && key >> 3 < 1U << 29;
  *out = (mixent_field){0};
  if (right) out->number = (unsigned)(key >> 3), out->wire = (mixent_wire)(key & 7);
  switch (right ? (int)out->wire : -1) {
  case MIXENT_WIRE_VARINT: right = mixent_varint_next(rest, &out->value); break;
  case MIXENT_WIRE_64: right = take(rest, 8, &out->bytes); break;
  case MIXENT_WIRE_32: right = take(rest, 4, &out->bytes); break;
  case MIXENT_WIRE_BYTES: right = mixent_varint_next(rest, &size) && take(rest, size, &out->bytes); break;
  default: right = false;
  }
  if (!right) *rest = all;
  return right;
}

bool mixent_message_is_whole(mixent_bytes message) {
  mixent_field field;
  while (mixent_field_next(&message, &field))
    ;
  return message.size == 0;
}

bool mixent_field_find(mixent_bytes message, unsigned number, mixent_wire wire, mixent_field *out) {
  mixent_field field;
  bool found = false;
  while (mixent_field_next(&message, &field))
    if (field.number == number && field.wire == wire) *out = field, found = true;
  return found;
}

mixent_bytes mixent_field_bytes(mixent_bytes message, unsigned number) {
  mixent_field field;
  return mixent_field_find(message, number, MIXENT_WIRE_BYTES, &field) ? field.bytes
                                                                       : (mixent_bytes){NULL, 0};
}

int64_t mixent_field_number_of(mixent_bytes message, unsigned number) {
  mixent_field field;
  return mixent_field_find(message, number, MIXENT_WIRE_VARINT, &field) ? (int64_t)field.value : 0;
}
