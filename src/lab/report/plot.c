/* What gnuplot is told, and running it. */
#include "lab/report/plot.h"
#include "core/file.h"
#include "core/locale.h"
#include "lab/report/html.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  MOST_SVG = 64 << 20,
  LABEL_CHARACTERS = 18,
  CHARACTER_WIDTH = 8,
  LINE = 15,
  LEFT = 52,
  BOTTOM = 48,
  TOP = 12
};

const char *mixent_plot_color(size_t index) {
  static const char *const colors[MIXENT_PLOT_HUES] = {"#010200", "#010201", "#010202", "#010203", "#010204",
                                                       "#010205", "#010206", "#010207", "#010208", "#010209",
                                                       "#01020a", "#01020b", "#01020c", "#01020d"};
  return colors[index % MIXENT_PLOT_HUES];
}

unsigned mixent_plot_dash(size_t index) {
  return (unsigned)(index / MIXENT_PLOT_ALIKE % MIXENT_PLOT_DASHES);
}

mixent_text *mixent_plot_draw(mixent_plot *plot, size_t index) {
  mixent_text *script = &plot->script;
  mixent_text_append(script, "%s", plot->curve_count ? ", " : "plot ");
  if (MIXENT_GROW(&plot->curves, plot->curve_count, "the curves of a chart") == MIXENT_OK)
    plot->curves[plot->curve_count++] = index;
  else
    script->failed = 1;
  return script;
}

void mixent_plot_draw_curve(mixent_plot *plot, size_t index, const char *block, bool band) {
  static const char *const dashes[MIXENT_PLOT_DASHES] = {"1", "(8,4)", "(2,3)", "(10,3,2,3)"};
  mixent_text *script = mixent_plot_draw(plot, index);
  if (band)
    mixent_text_append(script,
                       "%s using 1:3:4 with filledcurves fc rgb '%s' fs transparent solid 0.16 noborder",
                       block, mixent_plot_color(index));
  else
    mixent_text_append(script, "%s using 1:2 with lines lw 2 lc rgb '%s' dt %s", block,
                       mixent_plot_color(index), dashes[mixent_plot_dash(index)]);
}

mixent_axis mixent_axis_round(double low, double high, int steps) {
  if (!(high > low)) {
    double room = fabs(low) > 0 ? fabs(low) * 0.05 : 1;
    low -= room, high += room;
  }
  double raw = (high - low) / steps, power = pow(10, floor(log10(raw))), part = raw / power;
  double step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
  return (mixent_axis){step * floor(low / step + 1e-9), step * ceil(high / step - 1e-9), step};
}

static int compare_labels(const void *a, const void *b) {
  double x = ((const mixent_plot_name *)a)->y, y = ((const mixent_plot_name *)b)->y;
  return (x > y) - (x < y);
}

void mixent_plot_label(mixent_plot *plot, const char *name, size_t index, double y) {
  if (plot->label_count < MIXENT_PLOT_LABELS && !isnan(y))
    plot->labels[plot->label_count++] = (mixent_plot_name){name, index, y};
}

/* Labels, lowest first, at least a line apart, within the axis as far as there is room; from values to parts of
 * the axis. */
static void spread_labels(mixent_plot *plot) {
  double line = (double)LINE / (plot->height - TOP - BOTTOM);
  mixent_plot_name *labels = plot->labels;
  size_t count = plot->label_count;
  qsort(labels, count, sizeof *labels, compare_labels);
  for (size_t i = 0; i < count; i++) {
    labels[i].y = fmax((labels[i].y - plot->y.low) / (plot->y.high - plot->y.low), 0); /* below: cut off */
    if (i > 0 && labels[i].y < labels[i - 1].y + line) labels[i].y = labels[i - 1].y + line;
  }
  double top = 1;
  for (size_t i = count; i-- > 0; top = labels[i].y - line)
    if (labels[i].y > top) labels[i].y = top;
}

static int right_margin(const mixent_plot *plot) {
  size_t longest = 0;
  for (size_t i = 0; i < plot->label_count; i++) {
    size_t length = mixent_html_length(plot->labels[i].text);
    if (length > longest) longest = length;
  }
  if (longest > LABEL_CHARACTERS) longest = LABEL_CHARACTERS;
  return 14 + CHARACTER_WIDTH * (int)longest;
}

int mixent_axis_digits(const mixent_axis *axis) {
  double power = floor(log10(axis->step) + 1e-9);
  if (power < -6 || fmax(fabs(axis->low), fabs(axis->high)) >= 1e6) return -1;
  return power < 0 ? (int)-power : 0;
}

static int mark_length(double mark, int digits) {
  return digits < 0 ? mixent_print(NULL, 0, "%.3g", mark) : mixent_print(NULL, 0, "%.*f", digits, mark);
}

static int left_margin(const mixent_axis *axis) {
  int digits = mixent_axis_digits(axis), low = mark_length(axis->low, digits),
      high = mark_length(axis->high, digits);
  int margin = 20 + CHARACTER_WIDTH * (low > high ? low : high);
  return margin < LEFT ? LEFT : margin;
}

static void write_axis(mixent_text *out, char name, const mixent_axis *axis) {
  int digits = mixent_axis_digits(axis);
  mixent_text_append(out,
                     "set %crange [%.10g:%.10g]\nset format %c '%%.%d%c'\n"
                     "set %ctics %.10g,%.10g,%.10g textcolor rgb '%s'\n",
                     name, axis->low, axis->high, name, digits < 0 ? 3 : digits, digits < 0 ? 'g' : 'f', name,
                     axis->low, axis->step, axis->high, MIXENT_PLOT_MUTED);
}

void mixent_plot_begin(mixent_plot *plot) {
  if (!plot->width) plot->width = MIXENT_PLOT_WIDTH;
  if (!plot->height) plot->height = MIXENT_PLOT_HEIGHT;
  int wanted = TOP + BOTTOM + LINE * (int)plot->label_count;
  if (plot->height < wanted) plot->height = wanted;
  plot->left = left_margin(&plot->y), plot->right = plot->width - right_margin(plot);
  plot->top = TOP, plot->bottom = plot->height - BOTTOM;
  mixent_text *out = &plot->script;
  double width = plot->width, height = plot->height;
  mixent_text_append(
      out,
      "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,13'\nset encoding utf8\n"
      "set grid linecolor rgb '%s' linetype 1 linewidth 1\nset border 1 linecolor rgb '%s'\n"
      "set tics nomirror scale 0\nunset key\nset style fill noborder\n",
      plot->width, plot->height, MIXENT_PLOT_GRID, MIXENT_PLOT_MUTED);
  mixent_text_append(out,
                     "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset bmargin at screen %.4f\n"
                     "set tmargin at screen %.4f\n",
                     plot->left / width, plot->right / width, BOTTOM / height, 1 - TOP / height);
  write_axis(out, 'x', &plot->x);
  write_axis(out, 'y', &plot->y);
  if (plot->x_title) /* gnuplot leaves an axis's own title out where the margin is given */
    mixent_text_append(out, "set label '%s' at graph 0.5, screen %.4f center textcolor rgb '%s'\n",
                       plot->x_title, 10 / height, MIXENT_PLOT_MUTED);
  spread_labels(plot);
  for (size_t i = 0; i < plot->label_count; i++)
    mixent_text_append(out, "set label '@%zu@' at graph 1.02, graph %.4f left textcolor rgb '%s'\n", i,
                       plot->labels[i].y, mixent_plot_color(plot->labels[i].index));
}

static mixent_status spawn_gnuplot(const int descriptors[3], pid_t *child) {
  posix_spawn_file_actions_t actions;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return mixent_no_memory("starting gnuplot");
  for (int i = 0; i < 3 && !error; i++) error = posix_spawn_file_actions_adddup2(&actions, descriptors[i], i);
  char *command[] = {"gnuplot", "-d", NULL};
  if (!error) error = posix_spawnp(child, command[0], &actions, NULL, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    return mixent_fail(
        MIXENT_ERROR_UNSUPPORTED,
        "gnuplot, which draws the report's charts, is not there; install the package gnuplot-nox");
  return error ? mixent_fail(MIXENT_ERROR_IO, "cannot start gnuplot: %s", strerror(error)) : MIXENT_OK;
}

/* The whole of a stream from its beginning. */
static mixent_status read_stream(FILE *stream, mixent_text *out) {
  char bytes[16384];
  size_t count;
  rewind(stream);
  while ((count = fread(bytes, 1, sizeof bytes, stream)) > 0 && out->length < MOST_SVG)
    mixent_text_append_bytes(out, bytes, count);
  mixent_text_append(out, "%s", "");
  return ferror(stream) ? mixent_fail_errno("read", "a temporary file") : mixent_text_status(out);
}

/* The script's last command says this on standard error: who comes so far has drawn all. gnuplot's exit status is 0 also where its
 * script or its drawing was cut off. */
static const char drawn[] = "mixent: all is drawn";

static mixent_status check_end(pid_t child, FILE *messages) {
  int state;
  while (waitpid(child, &state, 0) < 0)
    if (errno != EINTR) return mixent_fail_errno("wait for", "gnuplot");
  mixent_text said = {0};
  mixent_status status = read_stream(messages, &said);
  if (status == MIXENT_OK && WIFEXITED(state) && WEXITSTATUS(state) == 127)
    status = mixent_fail(MIXENT_ERROR_UNSUPPORTED, "gnuplot does not start; install the package gnuplot-nox");
  else if (status == MIXENT_OK && !strstr(said.data, drawn))
    status = mixent_fail(MIXENT_ERROR_IO, "gnuplot failed before its chart was drawn: %.400s", said.data);
  else if (status == MIXENT_OK && state != 0)
    status = mixent_fail(MIXENT_ERROR_IO, "gnuplot drew its chart, but ended with %s %d; run again",
                         WIFEXITED(state) ? "exit code" : "signal",
                         WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state));
  mixent_text_free(&said);
  return status;
}

/* Streams without a name: nothing is left behind whatever happens. */
static mixent_status run_gnuplot(const mixent_text *script, FILE *streams[3], mixent_text *svg) {
  for (int i = 0; i < 3; i++)
    if (!(streams[i] = tmpfile())) return mixent_fail_errno("open", "a temporary file");
  if (fwrite(script->data, 1, script->length, streams[0]) != script->length || fflush(streams[0]))
    return mixent_fail_errno("write", "a temporary file");
  rewind(streams[0]);
  pid_t child;
  MIXENT_TRY(spawn_gnuplot((int[]){fileno(streams[0]), fileno(streams[1]), fileno(streams[2])}, &child));
  MIXENT_TRY(check_end(child, streams[2]));
  return read_stream(streams[1], svg);
}

static size_t count_words(const char *text, const char *word) {
  size_t count = 0;
  for (; (text = strstr(text, word)) != NULL; text += strlen(word)) count++;
  return count;
}

/* The drawing has its end, and a group for each curve of the command `plot`, which names its columns once a curve. */
static mixent_status check_svg(const char *script, const char *svg) {
  const char *plot = strstr(script, "\nplot ");
  size_t expected = plot ? count_words(plot, " using ") : 0, found = count_words(svg, "id=\"gnuplot_plot_");
  if (expected == found && strstr(svg, "</svg>")) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_IO,
                     "gnuplot's chart is incomplete: expected %zu curves and </svg>, got %zu%s; run again",
                     expected, found, strstr(svg, "</svg>") ? "" : " and no end");
}

mixent_status mixent_plot_end(mixent_plot *plot, const char *about, mixent_text *out) {
  FILE *streams[3] = {NULL};
  mixent_text svg = {0};
  mixent_text_append(&plot->script, "\nprint '%s'\n", drawn);
  mixent_status status = mixent_text_status(&plot->script);
  if (status == MIXENT_OK) status = run_gnuplot(&plot->script, streams, &svg);
  for (int i = 0; i < 3; i++)
    if (streams[i]) fclose(streams[i]);
  if (status == MIXENT_OK)
    status = check_svg(plot->script.data ? plot->script.data : "", svg.data ? svg.data : "");
  if (status == MIXENT_OK) status = mixent_plot_adapt(plot, svg.data, about, out);
  mixent_text_free(&svg);
  mixent_text_free(&plot->script);
  free(plot->curves);
  return status;
}
