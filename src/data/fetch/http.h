/* Byte ranges of one file on a web server; a broken connection is tried again where it broke. */
#ifndef MIXENT_DATA_FETCH_HTTP_H
#define MIXENT_DATA_FETCH_HTTP_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_http mixent_http;

/* Asked often while something is on its way; true stops with MIXENT_ERROR_INTERRUPTED. */
typedef int mixent_http_watch(void *context);
/* Takes the next bytes of a range; a failure ends the transfer and becomes its status. */
typedef mixent_status mixent_http_sink(void *context, const void *bytes, size_t count);

/* Asks for one byte, so that a server that refuses ranges is an error (MIXENT_ERROR_UNSUPPORTED) before
 * anything large is sent. watch may be NULL. */
mixent_status mixent_http_open(const char *address, mixent_http_watch *watch, void *context,
                               mixent_http **out);
void mixent_http_close(mixent_http *http);

const char *mixent_http_address(const mixent_http *http);
/* Bytes of the whole file. */
uint64_t mixent_http_size(const mixent_http *http);

/* Hands the bytes [first, first + count) to sink, in order, each once. */
mixent_status mixent_http_range(mixent_http *http, uint64_t first, uint64_t count, mixent_http_sink *sink,
                                void *context);
/* The same into memory. */
mixent_status mixent_http_read(mixent_http *http, uint64_t first, size_t count, void *out);

#endif
