/* Pieces of C source: comments, strings, arrays of numbers. */
#ifndef MIXENT_MODEL_C_TEXT_H
#define MIXENT_MODEL_C_TEXT_H

#include "core/memory.h"
#include <stdint.h>

/* A text from outside, as it may stand in a comment: it neither ends the comment nor begins one, nor joins lines. */
void mixent_c_append_remark(mixent_text *out, const char *text);
/* A string literal of these bytes. */
void mixent_c_append_string(mixent_text *out, const char *text);
/* A constant of type float that reads as exactly this value, which is finite. */
void mixent_c_append_float(mixent_text *out, float value);
/* "static const float NAME[COUNT] = {…};" */
void mixent_c_append_floats(mixent_text *out, const char *name, const float *values, size_t count);
/* The items of an initialiser, in lines: floats as the integers with their bits, which compilers read several times as fast. */
void mixent_c_append_bits(mixent_text *out, const float *values, size_t count);
void mixent_c_append_bytes(mixent_text *out, const int8_t *values, size_t count);

#endif
