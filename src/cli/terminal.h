/* What a person sees: a progress line on a terminal (plain lines when piped), and on a stream what core/layout.h lays
 * out. */
#ifndef MIXENT_CLI_TERMINAL_H
#define MIXENT_CLI_TERMINAL_H

#include "core/layout.h"
#include <stdbool.h>
#include <stdio.h>

/* The progress of something long on stderr. On a terminal one line is drawn over and over, at most ten times
 * a second; else a plain line every half minute, if those are wanted. */
typedef struct mixent_progress {
  bool terminal, lines; /* lines: those of no terminal are wanted */
  bool shown;           /* a line stands on the terminal */
  double last;          /* seconds, when it was drawn */
  double began;         /* seconds, when mixent_progress_count began */
} mixent_progress;

mixent_progress mixent_progress_start(bool lines);
/* fraction: 0 to 1. before and after: short texts on both sides of the bar ("epoch 2/4", "612 images/s, 3:12
 * left"). */
void mixent_progress_show(mixent_progress *progress, const char *before, double fraction, const char *after);
/* The same of things that are counted: how many are `done`, 0 at the beginning, with speed and time left. `unit` is their
 * name in the plural ("images"). */
void mixent_progress_count(mixent_progress *progress, const char *before, const char *unit, size_t done,
                           size_t all);
/* Takes the line away, so that something else can be printed; the next show draws it again at once. */
void mixent_progress_clear(mixent_progress *progress);

/* How many columns the terminal has that `stream` is; 0 where it is none. */
int mixent_stream_width(FILE *stream);

/* Prints a text as a whole and frees it; where memory was too little for it, mixent_output_lacks. */
void mixent_text_print(FILE *stream, mixent_text *text);
/* core/layout.h on a stream, likewise. */
void mixent_row_print(FILE *stream, const int *widths, int columns, const char *const *cells);
void mixent_table_print(const mixent_table *table, FILE *stream);
void mixent_wrapped_print(FILE *stream, int column, int indent, const char *text);

#endif
