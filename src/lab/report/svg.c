/* gnuplot's SVG as a part of a page. */
#include "lab/report/html.h"
#include "lab/report/plot.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32, NAME_CHARACTERS = 18 };

/* Groups wait until something is drawn in them: many are empty. */
typedef struct drawing {
  const mixent_plot *plot;
  mixent_text *out;
  mixent_text groups[DEPTH]; /* the opening tags */
  size_t depth, written;     /* groups that are open; how many of them are in `out` */
} drawing;

typedef struct span {
  const char *start;
  size_t length;
} span;

static bool span_is(span span, const char *word) {
  return span.length == strlen(word) && !memcmp(span.start, word, span.length);
}

static bool span_begins(span span, const char *word) {
  return span.length >= strlen(word) && !memcmp(span.start, word, strlen(word));
}

/* White space, with line breaks in long paths, as one blank between words. */
static void write_spaced(mixent_text *out, span value) {
  bool begun = false, blank = false;
  for (size_t i = 0; i < value.length; i++) {
    if (strchr(" \t\n", value.start[i])) {
      blank = begun;
      continue;
    }
    if (blank) mixent_text_append(out, " ");
    mixent_text_append_bytes(out, value.start + i, 1);
    begun = true, blank = false;
  }
}

/* "rgb(  1,   2,   3)" → "var(--hue-3)"; others as they are. */
static void write_value(mixent_text *out, span value) {
  static const char *const names[] = {"ink", "grid", "muted", "right", "wrong"};
  unsigned r, g, b;
  char text[32];
  snprintf(text, sizeof text, "%.*s", (int)(value.length < 31 ? value.length : 31), value.start);
  if (sscanf(text, "rgb( %u , %u , %u )", &r, &g, &b) == 3 && r == 1 && g == 2 && b < MIXENT_PLOT_HUES)
    mixent_text_append(out, "var(--hue-%u)", b);
  else if (sscanf(text, "rgb( %u , %u , %u )", &r, &g, &b) == 3 && r == 1 && g == 3 && b < 5)
    mixent_text_append(out, "var(--%s)", names[b]);
  else
    write_spaced(out, value);
}

static bool is_kept(span name, span value) {
  static const char *const dropped[] = {
      "id", "class", "font-family", "shape-rendering", "stroke-linecap", "stroke-linejoin"};
  for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
    if (span_is(name, dropped[i])) return false;
  return !(span_is(name, "color") && (span_is(value, "black") || span_is(value, "white")));
}

/* A tag with the attributes that are kept; `tag` runs from its name to before the '>'. */
static void write_tag(mixent_text *out, span tag) {
  const char *at = tag.start, *end = tag.start + tag.length;
  while (at < end && !strchr(" \t\n/", *at)) at++;
  mixent_text_append(out, "<%.*s", (int)(at - tag.start), tag.start);
  while (at < end) {
    while (at < end && strchr(" \t\n", *at)) at++;
    span name = {at, 0}, value = {NULL, 0};
    while (at < end && !strchr(" \t\n=/", *at)) at++;
    name.length = (size_t)(at - name.start);
    while (at < end && strchr(" \t\n=", *at)) at++;
    if (at == end || (*at != '"' && *at != '\'')) break;
    const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
    if (!close) break;
    value = (span){at + 1, (size_t)(close - at - 1)};
    at = close + 1;
    if (!is_kept(name, value)) continue;
    if (span_is(name, "xlink:href")) { /* the one mark that is used; the page holds it once */
      mixent_text_append(out, " href=\"#mark\"");
      continue;
    }
    mixent_text_append(out, " %.*s=\"", (int)name.length, name.start);
    write_value(out, value);
    mixent_text_append(out, "\"");
  }
  mixent_text_append(out, tag.length && end[-1] == '/' ? "/>" : ">");
}

/* The variant's index of the curve whose group that is: "g id="gnuplot_plot_3" " is the third; else MIXENT_PLOT_COMMON. */
static size_t find_curve(const mixent_plot *plot, span tag) {
  static const char begin[] = "g id=\"gnuplot_plot_";
  size_t number = span_begins(tag, begin) ? strtoul(tag.start + sizeof begin - 1, NULL, 10) : 0;
  return number && number <= plot->curve_count ? plot->curves[number - 1] : MIXENT_PLOT_COMMON;
}

static void open_group(drawing *drawing, span tag) {
  if (drawing->depth == DEPTH) {
    drawing->out->failed = 1;
    return;
  }
  mixent_text *group = &drawing->groups[drawing->depth++];
  group->length = 0;
  size_t curve = find_curve(drawing->plot, tag);
  if (curve == MIXENT_PLOT_COMMON)
    write_tag(group, tag);
  else
    mixent_text_append(group, "<g class=\"v%zu\">", curve);
  drawing->out->failed |= group->failed;
}

static void close_group(drawing *drawing) {
  if (!drawing->depth) return;
  if (drawing->written == drawing->depth--) {
    drawing->written--;
    mixent_text_append(drawing->out, "</g>");
  }
}

static void write_groups(drawing *drawing) {
  for (; drawing->written < drawing->depth; drawing->written++)
    mixent_text_append(drawing->out, "%s", drawing->groups[drawing->written].data);
}

/* Text as gnuplot wrote it, "@3@" replaced by label 3. */
static void write_text(drawing *drawing, span text) {
  const mixent_plot *plot = drawing->plot;
  mixent_text *out = drawing->out;
  while (text.length && *text.start == ' ') text.start++, text.length--;
  if (text.length > 2 && *text.start == '@') {
    size_t index = strtoul(text.start + 1, NULL, 10);
    if (index >= plot->label_count) return;
    mixent_text_append(out, "<text class=\"v%zu\">", plot->labels[index].index);
    mixent_html_short(out, plot->labels[index].text, NAME_CHARACTERS);
  } else {
    bool minus = text.length && *text.start == '-';
    mixent_text_append(out, "<text>%s", minus ? "−" : "");
    mixent_text_append_bytes(out, text.start + minus, text.length - minus);
  }
  mixent_text_append(out, "</text>");
}

/* The text of an element from after its start tag; *at moves to after its end tag. */
static span take_content(const char **at, const char *end_tag) {
  const char *end = strstr(*at, end_tag);
  if (!end) end = *at + strlen(*at);
  span content = {*at, (size_t)(end - *at)};
  *at = *end ? end + strlen(end_tag) : end;
  return content;
}

static void write_element(drawing *drawing, span tag, const char **at) {
  if (span_is(tag, "/g"))
    close_group(drawing);
  else if (span_begins(tag, "g ") || span_is(tag, "g"))
    open_group(drawing, tag);
  else if (span_begins(tag, "title"))
    take_content(at, "</title>");
  else if (span_begins(tag, "defs"))
    take_content(at, "</defs>");
  else if (span_begins(tag, "text")) {
    write_groups(drawing);
    write_text(drawing, take_content(at, "</text>"));
  } else if (span_begins(tag, "path") || span_begins(tag, "polygon") || span_begins(tag, "use") ||
             span_begins(tag, "circle")) {
    write_groups(drawing);
    write_tag(drawing->out, tag);
  }
}

mixent_status mixent_plot_adapt(const mixent_plot *plot, const char *svg, const char *about,
                                mixent_text *out) {
  const char *at = strstr(svg, "id=\"gnuplot_canvas\"");
  if (!at)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "gnuplot wrote no SVG; mixent knows gnuplot 5.4 and 6");
  drawing drawing = {.plot = plot, .out = out};
  mixent_text_append(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", plot->width, plot->height);
  mixent_html_text(out, about);
  mixent_text_append(out, "\"");
  if (plot->values.length)
    mixent_text_append(out, " data-area=\"%d %d %d %d %.10g %.10g %.10g %.10g\"", plot->left, plot->right,
                       plot->top, plot->bottom, plot->x.low, plot->x.high, plot->y.low, plot->y.high);
  mixent_text_append(out, ">");
  while ((at = strchr(at, '<'))) {
    const char *end = strchr(++at, '>');
    if (!end) break;
    span tag = {at, (size_t)(end - at)};
    at = end + 1;
    write_element(&drawing, tag, &at);
  }
  while (drawing.depth) close_group(&drawing);
  for (size_t i = 0; i < DEPTH; i++) mixent_text_free(&drawing.groups[i]);
  mixent_text_append(out, "</svg>\n");
  return mixent_text_status(out);
}
