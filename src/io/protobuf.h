/* Reading protobuf's wire format: the fields of a message one after another, as pieces of the bytes they stand in. Nothing is
 * copied or allocated, and no piece reaches over the end of its message. */
#ifndef MIXENT_IO_PROTOBUF_H
#define MIXENT_IO_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_bytes {
  const unsigned char *data;
  size_t size;
} mixent_bytes;

bool mixent_bytes_same(mixent_bytes a, mixent_bytes b);
bool mixent_bytes_are(mixent_bytes bytes, const char *text);

typedef enum mixent_wire {
  MIXENT_WIRE_VARINT = 0,
  MIXENT_WIRE_64 = 1,
  MIXENT_WIRE_BYTES = 2,
  MIXENT_WIRE_32 = 5
} mixent_wire;

typedef struct mixent_field {
  unsigned number;
  mixent_wire wire;
  uint64_t value;     /* MIXENT_WIRE_VARINT */
  mixent_bytes bytes; /* every other kind: its bytes */
} mixent_field;

/* Takes the next field off the front of *rest. False at the end and where the bytes are no field; then *rest is not empty. */
bool mixent_field_next(mixent_bytes *rest, mixent_field *out);
/* Takes a number of seven bits a byte off the front. */
bool mixent_varint_next(mixent_bytes *rest, uint64_t *out);

/* Whether all of a message is fields; those of messages in it may still not be. */
bool mixent_message_is_whole(mixent_bytes message);
/* The last field of that number and kind, which is the one that counts; false: there is none. */
bool mixent_field_find(mixent_bytes message, unsigned number, mixent_wire wire, mixent_field *out);
/* The same of texts and messages, which are empty where they are not there; and of whole numbers, which are 0. */
mixent_bytes mixent_field_bytes(mixent_bytes message, unsigned number);
int64_t mixent_field_number_of(mixent_bytes message, unsigned number);

#endif
