/* What every page has around its content: one file, with one script, which shows nothing from elsewhere. */
#ifndef MIXENT_LAB_REPORT_FRAME_H
#define MIXENT_LAB_REPORT_FRAME_H

#include "core/memory.h"

/* Up to <body>. `boxes`: check boxes show0, show1, … hide what has the class v0, v1, …. */
void mixent_frame_begin(mixent_text *out, const char *title, size_t boxes);
/* From the footer on. */
void mixent_frame_end(mixent_text *out);

#endif
