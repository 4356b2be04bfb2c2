/* Progress lines, and laid-out text on a stream. */
#include "cli/terminal.h"
#include "cli/message.h"
#include "core/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int mixent_stream_width(FILE *stream) {
  struct winsize size;
  if (!isatty(fileno(stream))) return 0;
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

mixent_progress mixent_progress_start(bool lines) {
  const char *kind = getenv("TERM");
  bool dumb = kind && strcmp(kind, "dumb") == 0; /* cannot go back to the start of a line and erase it */
  mixent_progress progress = {.terminal = isatty(STDERR_FILENO) && !dumb, .lines = lines};
  progress.last = progress.terminal ? 0 : mixent_seconds_now();
  return progress;
}

void mixent_progress_show(mixent_progress *progress, const char *before, double fraction, const char *after) {
  double time = mixent_seconds_now();
  if (!progress->terminal && !progress->lines) return;
  if (time - progress->last < (progress->terminal ? 0.1 : 30)) return;
  progress->last = time;
  int percent = (int)floor(100 * fmin(fmax(fraction, 0), 1));
  if (!progress->terminal) {
    fprintf(stderr, "%s, %d %%%s%s\n", before, percent, *after ? ", " : "", after);
    return;
  }
  enum { MOST = 30, LEAST = 5 };
  /* what the bar may take, and if that is too little, what `after` may take without a bar */
  int room = mixent_stream_width(stderr) - 1 - (int)strlen(before) - 9;
  int width = room - 3 - (int)strlen(after);
  if (width > MOST) width = MOST;
  fprintf(stderr, "\r%s  ", before);
  if (width >= LEAST) {
    int full = (int)(fmin(fmax(fraction, 0), 1) * width);
    char bar[MOST + 1];
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(width - full));
    bar[width] = '\0';
    fprintf(stderr, "[%s] ", bar);
  }
  fprintf(stderr, "%3d %%  %.*s\033[K", percent, room > 0 ? room : 0, after);
  fflush(stderr);
  progress->shown = true;
}

void mixent_progress_count(mixent_progress *progress, const char *before, const char *unit, size_t done,
                           size_t all) {
  double time = mixent_seconds_now();
  if (done == 0) progress->began = time;
  double speed = (double)done / (time - progress->began);
  if (done == 0 || !isfinite(speed)) return; /* nothing can be said yet */
  char after[96];
  snprintf(after, sizeof after, "%.0f %s/s, %s left", speed, unit,
           mixent_text_duration((double)(all - done) / speed));
  mixent_progress_show(progress, before, (double)done / (double)all, after);
}

void mixent_progress_clear(mixent_progress *progress) {
  if (!progress->shown) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  progress->shown = false;
  progress->last = 0;
}

void mixent_text_print(FILE *stream, mixent_text *text) {
  if (text->failed)
    mixent_output_lacks();
  else if (text->data)
    fwrite(text->data, 1, text->length, stream);
  mixent_text_free(text);
}

void mixent_row_print(FILE *stream, const int *widths, int columns, const char *const *cells) {
  mixent_text text = {0};
  mixent_row_append(&text, widths, columns, cells);
  mixent_text_print(stream, &text);
}

void mixent_table_print(const mixent_table *table, FILE *stream) {
  mixent_text text = {0};
  mixent_table_append(table, &text);
  mixent_text_print(stream, &text);
}

void mixent_wrapped_print(FILE *stream, int column, int indent, const char *text) {
  mixent_text wrapped = {0};
  mixent_wrapped_append(&wrapped, column, indent, text);
  mixent_text_print(stream, &wrapped);
}
