/* Text from outside (names in files, paths, keys of YAML) on its way to a terminal, which would obey what it holds. */
#ifndef MIXENT_CORE_PRINTABLE_H
#define MIXENT_CORE_PRINTABLE_H

#include "core/memory.h"
#include <stdbool.h>

/* The text with control characters (C0, DEL, C1) and bytes that are no UTF-8 as \xNN, and with marks that reorder a line
 * (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) or break it (U+2028, U+2029) as \u{NNNN}. A text without
 * any is given back as it is; else the result stays valid for the thread's next seven calls. */
const char *mixent_printable(const char *text);
/* The same with line breaks left alone: of a text of several lines. */
const char *mixent_printable_lines(const char *text);
/* Of a message: line breaks before an indented line ("\n  ") are left alone, so that a name cannot begin a line. */
const char *mixent_printable_message(const char *text);
/* Whether memory was too little for a text of this thread: words that say so were given in its place. */
bool mixent_printable_lacked(void);

#endif
