/* A chart drawn by gnuplot and put into the page as SVG that follows the page's colours, light or dark. Names never
 * reach gnuplot: it is given places, and the names are written over them afterwards. */
#ifndef MIXENT_LAB_REPORT_PLOT_H
#define MIXENT_LAB_REPORT_PLOT_H

#include "core/memory.h"
#include <stdbool.h>

/* Colours as gnuplot is told them; in the page they are the style sheet's variables. */
#define MIXENT_PLOT_INK   "#010300"
#define MIXENT_PLOT_GRID  "#010301"
#define MIXENT_PLOT_MUTED "#010302"
#define MIXENT_PLOT_RIGHT "#010303"
#define MIXENT_PLOT_WRONG "#010304"

/* Variants have a colour each, and a dash as well: the first seven are solid, the next seven dashed, and so on. With 28 variants the
 * first comes again. An index here is mixent_report_hue's. */
enum { MIXENT_PLOT_HUES = 14, MIXENT_PLOT_ALIKE = 7, MIXENT_PLOT_DASHES = 4 };
unsigned mixent_plot_dash(size_t index);     /* 0: solid, to MIXENT_PLOT_DASHES - 1 */
const char *mixent_plot_color(size_t index); /* "#010203" */

/* Round numbers low, low + step, … high. */
typedef struct mixent_axis {
  double low, high, step;
} mixent_axis;
/* An axis that holds [low, high] in about `steps` steps, or as many more as it needs. */
mixent_axis mixent_axis_round(double low, double high, int steps);
/* Digits after the point that its marks need; -1: they are large or tiny, so that powers of ten are wanted. */
int mixent_axis_digits(const mixent_axis *axis);

enum { MIXENT_PLOT_WIDTH = 460, MIXENT_PLOT_HEIGHT = 300, MIXENT_PLOT_LABELS = 64 };

typedef struct mixent_plot_name {
  const char *text;
  size_t index; /* of its variant */
  double y;     /* where its curve ends */
} mixent_plot_name;

/* What belongs to no variant, so that no variant's check box hides it. */
#define MIXENT_PLOT_COMMON ((size_t)-1)

/* Start with size, axes and title, then add labels, begin, append data blocks to `script` and rows to `values`, draw the curves, end. */
typedef struct mixent_plot {
  int width, height;
  int left, right, top, bottom; /* of the area between the axes; set by mixent_plot_begin */
  mixent_axis x, y;
  const char *x_title;
  mixent_text script;
  mixent_text values; /* for mixent_section_chart; free()d by it */
  size_t *curves;     /* [curve_count] the index of each curve's variant, or MIXENT_PLOT_COMMON */
  size_t curve_count;
  mixent_plot_name labels[MIXENT_PLOT_LABELS];
  size_t label_count;
} mixent_plot;

/* A name beside the right end of a curve; labels move apart where they would overlap. */
void mixent_plot_label(mixent_plot *plot, const char *name, size_t index, double y);
void mixent_plot_begin(mixent_plot *plot);
/* One curve more of the command `plot`, and whose it is: append to the text returned what gnuplot shall draw. */
mixent_text *mixent_plot_draw(mixent_plot *plot, size_t index);
/* A curve of a data block with columns x, mean, low, high: the band between the last two, or the line. */
void mixent_plot_draw_curve(mixent_plot *plot, size_t index, const char *block, bool band);
/* Appends <svg> to `out` and frees script and curves. `about` is what a screen reader says of it.
 * MIXENT_ERROR_UNSUPPORTED without gnuplot, naming the package. */
mixent_status mixent_plot_end(mixent_plot *plot, const char *about, mixent_text *out);

/* gnuplot's SVG made part of a page: its drawing alone, without ids, in the page's colours, with the labels. */
mixent_status mixent_plot_adapt(const mixent_plot *plot, const char *svg, const char *about,
                                mixent_text *out);

#endif
