/* Pieces of HTML pages that are whole by themselves. What comes from files goes through mixent_html_text, whatever it is. */
#ifndef MIXENT_CORE_HTML_H
#define MIXENT_CORE_HTML_H

#include "core/memory.h"
#include <stdint.h>

/* The text with what HTML and SVG would read as markup escaped; control characters become spaces. */
void mixent_html_text(mixent_text *out, const char *text);
/* One byte of a printable text, escaped. */
void mixent_html_byte(mixent_text *out, char byte);
/* The bytes as base64. */
void mixent_html_base64(mixent_text *out, const uint8_t *bytes, size_t count);
/* 'sha256-…' of texts put together, NULL after the last: in a page's content security policy, the one script that a browser may run in it,
 * whatever stands in the names of strangers. */
void mixent_html_hash(mixent_text *out, const char *const *texts);

#endif
